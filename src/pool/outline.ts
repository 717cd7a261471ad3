import { join } from 'node:path';
import type { DriverDeps, Operations } from '../convoy/contract.ts';
import { ConvoyError, invalid, isConvoyError } from '../convoy/errors.ts';
import type { DriverRegistry } from '../convoy/registry.ts';
import type { PoolConfig, PoolOutline } from './api.ts';

export interface OutlineOptions {
  readonly configs: readonly PoolConfig[];
  readonly defaultPool?: string;
  readonly root: string;
  readonly registry: Pick<DriverRegistry, 'get'>;
  readonly deps: DriverDeps;
}

/**
 * What the configured pools are, without their storage: each driver reads its options and says what it can do. For who
 * checks a configuration, and for a controller, whose local pools are on the nodes. InvalidArgument names the pool.
 */
export async function outlinePools({ configs, defaultPool, root, registry, deps }: OutlineOptions): Promise<readonly PoolOutline[]> {
  const outlines: PoolOutline[] = [];
  for (const config of configs) {
    const isDefault = defaultPool === undefined ? configs.length === 1 : config.name === defaultPool;
    outlines.push({ config, isDefault, ...(await outline(config, root, registry, deps)) });
  }
  return outlines;
}

async function outline(
  config: PoolConfig,
  root: string,
  registry: Pick<DriverRegistry, 'get'>,
  deps: DriverDeps,
): Promise<Pick<PoolOutline, 'scope' | 'access' | 'operations'>> {
  const { name, driver, options } = config;
  try {
    const made = await registry.get(driver).init(join(root, 'drivers', name), options, deps);
    const { scope, access } = made.properties;
    const operations = groupsOf(made.operations);
    await made.close();
    if (scope === 'local' && config.segments !== undefined)
      throw invalid(
        `segments say where a global pool is reached from, and driver ${driver} makes this one local (its node is its topology): leave segments out, or make the pool global`,
      );
    return { scope, access, operations };
  } catch (error) {
    if (!isConvoyError(error, 'InvalidArgument')) throw error;
    throw new ConvoyError('InvalidArgument', `pool ${JSON.stringify(name)}: ${error.message}`, { cause: error });
  }
}

/** The operation groups that a driver has. */
export const groupsOf = (operations: Operations): readonly (keyof Operations)[] =>
  (Object.keys(operations) as (keyof Operations)[]).filter((group) => operations[group] !== undefined);

/** What all of them together come to: decides the advertised capabilities. */
export const outlineTotals = (
  pools: readonly PoolOutline[],
): { readonly implemented: ReadonlySet<keyof Operations>; readonly hasTopology: boolean } => ({
  implemented: new Set(pools.flatMap(({ operations }) => operations)),
  hasTopology: pools.some(isSomewhere),
});

/** Its volumes are not reachable from everywhere: on a node, or where its segments say. */
export const isSomewhere = ({ scope, config }: Pick<PoolOutline, 'scope' | 'config'>): boolean =>
  scope === 'local' || config.segments !== undefined;
