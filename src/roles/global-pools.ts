import type { AdminEdge, Publisher } from '../admin/rpc.ts';
import type { ForwardedRpc } from '../channel/api.ts';
import type { ForwardingRpc, GoneNodes } from '../cluster/api.ts';
import type { GlobalPools } from '../cluster/router.ts';
import type { DaemonConfig } from '../config/config.ts';
import { VERSION } from '../config/version.ts';
import { ConvoyError, invalid } from '../convoy/errors.ts';
import type { DriverRegistry } from '../convoy/registry.ts';
import { type Advertised, advertised } from '../csi/capabilities.ts';
import { controllerRpcs } from '../csi/controller/index.ts';
import type { CsiMethods } from '../csi/definitions.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Call, PoolOutline, Pools, Volume } from '../pool/api.ts';
import { openPools } from '../pool/open-pools.ts';
import { makeMounter } from '../publish/mounter.ts';
import { openSystem } from '../system/open-system.ts';
import { decorate } from './decorators.ts';
import { claimRoot } from './root.ts';

export interface GlobalParts {
  readonly config: DaemonConfig;
  readonly registry: DriverRegistry;
  readonly outlines: readonly PoolOutline[];
  readonly goneNodes: Pick<GoneNodes, 'list'>;
  readonly log: Log;
  readonly metrics: Metrics;
  /** False until this is the one controller: two must not manage one pool. */
  readonly ready: () => boolean;
}

/** Global pools, which the controller manages; the nodes publish from them. Undefined where no pool is global. What closes them is put on `made`. Nothing is opened before `ready`. */
export async function openGlobalPools(parts: GlobalParts, made: AsyncDisposableStack): Promise<Pools | undefined> {
  const { config, registry, goneNodes, log, metrics, ready } = parts;
  const configs = parts.outlines.filter(({ scope }) => scope === 'global').map((outline) => outline.config);
  if (configs.length === 0) return undefined;
  for (const { name, init } of configs)
    if (init === 'auto')
      throw invalid(
        `pool ${JSON.stringify(name)} is global and has init auto: a controller remembers no pool that it has opened, and could take a file system that is not mounted for a new one; leave init out, and make the pool once with "convoy pools init ${name}"`,
      );
  const system = made.adopt(openSystem(), (open) => open.close());
  // With files it is claimed already.
  if (config.controller?.kind === 'kubernetes') made.adopt(await claimRoot(config.root, system), (lock) => lock.release());
  const defaultPool = configs.find(({ name }) => name === config.defaultPool)?.name;
  const pools = await openPools({
    configs,
    ...(defaultPool === undefined ? {} : { defaultPool }),
    nodeName: config.nodeName,
    root: config.root,
    registry,
    deps: { system, mounter: makeMounter(system), log },
    isReleased: (node) => goneNodes.list().some(({ nodeName }) => nodeName === node),
    waitsFor: () => (ready() ? undefined : 'this controller has not taken over yet'),
    decorate: decorate(metrics, log),
  });
  return made.adopt(pools, (open) => open.close());
}

/** As the forwarding layer asks them: the Controller service that a node has for its own pools. */
export function asGlobalPools(pools: Pools, driverName: string): GlobalPools {
  const offered: Advertised = advertised(pools);
  const rpcs = controllerRpcs({ pools, driverName, version: VERSION, advertised: offered });
  return {
    call: async <Name extends ForwardedRpc>(rpc: Name, request: CsiMethods[Name]['received'], call: Call) => {
      // Of a union of functions TypeScript cannot tell which one takes this request: the table's type has paired them.
      const serve = rpcs[rpc] as unknown as ForwardingRpc<Name>;
      return await serve(request, call);
    },
    inventory: () => inventory(pools),
    isHolder: async (nodeName) => (await pools.held(nodeName)).length > 0,
    release: (nodeName) => pools.releaseHolder(nodeName),
  };
}

/** As agents answer ListInventory: ready ones, and those whose record is damaged. */
async function inventory(pools: Pools): ReturnType<GlobalPools['inventory']> {
  const found: Volume[] = [];
  for (let startingToken = ''; ; ) {
    const page = await pools.listVolumes({ maxEntries: 1000, startingToken });
    found.push(...page.entries);
    if (page.nextToken === '') break;
    startingToken = page.nextToken;
  }
  return found.map(({ id, pool, name, sizeBytes, createdAt }) => ({ volumeId: id, pool, name, sizeBytes, createdAt: createdAt.getTime() }));
}

/** What an admin asks a controller of its pools. Nothing is mounted here: who uses a volume is noted with it. */
export function globalEdge(pools: Pools): Omit<AdminEdge, 'about'> {
  const elsewhere = (what: string) => (): Promise<never> =>
    Promise.reject(new ConvoyError('NotSupported', `the controller ${what} no volume: ask a node's agent (kubectl exec its pod)`));
  const node: Publisher = {
    published: async (id) => {
      const nodes = await (await pools.peekVolume(id)).holders();
      return nodes.map((name) => ({ volumeId: id, targetPath: `node ${name}`, kind: 'staged', readOnly: false }));
    },
    mount: elsewhere('mounts'),
    umount: elsewhere('unmounts'),
    expand: async () => 0n,
  };
  return { pools, node, doctor: elsewhere('checks its pools by mounting, and mounts') };
}
