import type { DaemonConfig } from '../config/config.ts';
import { VERSION } from '../config/version.ts';
import type { DriverRegistry } from '../convoy/registry.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Pools } from '../pool/api.ts';
import { openPools } from '../pool/open-pools.ts';
import type { NodeService } from '../publish/api.ts';
import { makeMounter } from '../publish/mounter.ts';
import { NodeVolumes } from '../publish/node-volumes.ts';
import { openNodeRecords } from '../publish/records.ts';
import { makeUsesOf } from '../publish/uses-of.ts';
import type { System } from '../system/api.ts';
import { decorate } from './decorators.ts';
import { makeDirectory, poolPlaces } from './root.ts';
import type { poolSamples } from './samples.ts';

/** A start does not wait longer for the sweep: the kubelet must be able to unpublish. It goes on beside the calls. */
const SWEEP_WAIT_MS = 10_000;

export interface StorageParts {
  readonly config: DaemonConfig;
  readonly registry: DriverRegistry;
  readonly system: System;
  readonly log: Log;
  readonly metrics: Metrics;
  /** True while nothing may be removed that nobody asks for. */
  readonly holdsDeletes: () => boolean;
}

/** Pools and what publishes from them. What closes them is put on `made`. */
export async function openStorage(parts: StorageParts, made: AsyncDisposableStack): Promise<{ pools: Pools; node: NodeService }> {
  const { config, registry, system, log, metrics, holdsDeletes } = parts;
  const { root, nodeName, defaultPool } = config;
  for (const directory of config.makeDirectories) await makeDirectory(directory, 0o700);
  const mounter = makeMounter(system);
  const records = await openNodeRecords(root, log);
  let node: NodeService | undefined;
  const pools = made.adopt(
    await openPools({
      configs: config.pools,
      ...(defaultPool === undefined ? {} : { defaultPool }),
      nodeName,
      root,
      registry,
      deps: { system, mounter, log },
      usesOf: makeUsesOf({ system, records, log }),
      holdsDeletes,
      ...(config.role === 'node' ? { manages: (scope) => scope === 'local' } : {}),
      guestOpened: () => {
        if (node !== undefined) void sweepNow(node, log);
      },
      decorate: decorate(metrics, log),
    }),
    (open) => open.close(),
  );
  const places = await poolPlaces(config.pools);
  node = new NodeVolumes({ system, pools, mounter, records, log, root, protectedPaths: () => places });
  await startSweep(node, log);
  return { pools, node };
}

async function startSweep(node: NodeService, log: Log): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      log.warn({ waited_ms: SWEEP_WAIT_MS }, 'the sweep of published volumes takes long; it goes on while calls are served');
      resolve();
    }, SWEEP_WAIT_MS);
  });
  await Promise.race([sweepNow(node, log), late]);
  clearTimeout(timer);
}

const sweepNow = (node: NodeService, log: Log): Promise<void> =>
  node.sweep().catch((error: unknown) => log.error({ error }, 'the sweep of published volumes failed; the next start tries again'));

export async function closedPools(pools: Pools): Promise<readonly string[]> {
  return (await pools.status()).flatMap(({ config, state }) =>
    state.kind === 'open' ? [] : [`pool ${JSON.stringify(config.name)} is unavailable: ${state.reason}`],
  );
}

export const withBuildInfo =
  (gather: ReturnType<typeof poolSamples>, { role }: Pick<DaemonConfig, 'role'>): ReturnType<typeof poolSamples> =>
  async () => [
    ...(await gather()),
    { name: 'convoy_build_info', labels: { version: VERSION, node_version: process.versions.node, role }, value: 1 },
  ];
