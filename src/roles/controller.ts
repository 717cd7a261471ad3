import { Server } from '@grpc/grpc-js';
import { addClusterAdminService } from '../admin/server.ts';
import { createDialer } from '../channel/dialer.ts';
import { ClusterNodes } from '../cluster/admin.ts';
import { Agents } from '../cluster/agents.ts';
import type { GlobalPools } from '../cluster/router.ts';
import { forwardingRpcs } from '../cluster/rpcs.ts';
import type { DaemonConfig } from '../config/config.ts';
import { VERSION } from '../config/version.ts';
import { ConvoyError } from '../convoy/errors.ts';
import type { DriverRegistry } from '../convoy/registry.ts';
import { advertised } from '../csi/capabilities.ts';
import { identityRpcs } from '../csi/identity/index.ts';
import { addCsiServices, SERVER_OPTIONS } from '../csi/server.ts';
import type { Log } from '../observe/log.ts';
import type { Sample } from '../observe/metric-catalogue.ts';
import { Metrics } from '../observe/metrics.ts';
import type { PoolOutline, Pools } from '../pool/api.ts';
import { outlinePools, outlineTotals } from '../pool/outline.ts';
import { makeMounter } from '../publish/mounter.ts';
import { openSystem } from '../system/open-system.ts';
import { type ControllerPorts, openPorts } from './controller-ports.ts';
import type { Running } from './daemon.ts';
import { asGlobalPools, globalEdge, openGlobalPools } from './global-pools.ts';
import { startHealth } from './http.ts';
import { countJobBytes, poolSamples } from './samples.ts';
import { aboutOf, listenOn, observing } from './serve.ts';
import { closedPools, withBuildInfo } from './storage.ts';

/**
 * Role `controller`: CSI's Identity and Controller on one socket for the sidecars, each call forwarded to the agent of the
 * node that it is about, or answered here where the pool is global. It keeps nothing that it cannot ask for again, but the
 * admin's word that a node is gone.
 */
export async function startController(config: DaemonConfig, registry: DriverRegistry, log: Log): Promise<Running> {
  await using made = new AsyncDisposableStack();
  const health = await startHealth(config, made);
  const pools = await outlines(config, registry, log);
  let gather = async (): Promise<readonly Sample[]> => [];
  const metrics = new Metrics(withBuildInfo(() => gather(), config));
  const ports = await openPorts(config, log, made);
  let ready = false;
  const globalPools = await openGlobalPools(
    { config, registry, outlines: pools, goneNodes: ports.goneNodes, log, metrics, ready: () => ready },
    made,
  );
  const refused = (reason: string): void => metrics.agentRefused(reason);
  const dialer = createDialer({ identity: ports.identity, ...optional('attestor', ports.attestor), log, refused });
  const agents = new Agents({ ...ports, dialer, version: VERSION, log });
  made.defer(() => agents.close());
  const global = globalPools === undefined ? undefined : asGlobalPools(globalPools, config.driverName);
  const cluster = new ClusterNodes({ ...ports, agents, pools, global, driverName: config.driverName, log });
  made.defer(() => cluster.close());
  const ofPools = globalPools === undefined ? async () => [] : poolSamples(globalPools);
  gather = async () => [...(await clusterSamples(cluster)), ...(await ofPools())];

  await serve({ config, registry, pools, globalPools, global, ports, agents, cluster, log, metrics, ready: () => ready }, made);
  health.metrics = async () => ({ contentType: metrics.contentType, body: await metrics.render() });
  health.ready = async () => [
    ...(await ports.problems()),
    ...(ready ? [] : ['this controller has not taken over yet']),
    ...(globalPools === undefined ? [] : await closedPools(globalPools)),
  ];
  const stopped = new AbortController();
  if (globalPools !== undefined) countJobBytes(globalPools, metrics, stopped.signal);
  made.defer(() => stopped.abort(new ConvoyError('Cancelled', 'the controller stops')));
  // Beside the rest: the sidecars wait by themselves for one that is not ready, and an admin can ask it meanwhile.
  const takingOver = ports.takeOver(stopped.signal).then(
    () => {
      agents.start();
      ready = true;
      // Opened now, not by the first call: what a stopped controller left is taken up.
      globalPools
        ?.status()
        .catch((error: unknown) => log.warn({ reason: String(error) }, 'a global pool does not answer; it is tried again on use'));
      log.info({}, 'this controller serves');
    },
    (error: unknown) => {
      if (!stopped.signal.aborted) throw error;
    },
  );
  made.defer(() => takingOver.catch(() => undefined));

  const all = made.move();
  return { stop: () => all.disposeAsync(), ...optional('lost', ports.lost) };
}

/** What the pools are, without their storage, which is on the nodes. */
async function outlines(config: DaemonConfig, registry: DriverRegistry, log: Log): Promise<readonly PoolOutline[]> {
  const { pools: configs, root, defaultPool } = config;
  const system = openSystem();
  try {
    const deps = { system, mounter: makeMounter(system), log };
    return await outlinePools({ configs, ...optional('defaultPool', defaultPool), root, registry, deps });
  } finally {
    await system.close();
  }
}

interface Parts {
  readonly config: DaemonConfig;
  readonly registry: DriverRegistry;
  readonly pools: readonly PoolOutline[];
  readonly globalPools: Pools | undefined;
  readonly global: GlobalPools | undefined;
  readonly ports: ControllerPorts;
  readonly agents: Agents;
  readonly cluster: ClusterNodes;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly ready: () => boolean;
}

async function serve(
  { config, registry, pools, globalPools, global, ports, agents, cluster, log, metrics, ready }: Parts,
  made: AsyncDisposableStack,
): Promise<void> {
  const { driverName } = config;
  const offered = advertised(outlineTotals(pools));
  const server = new Server(SERVER_OPTIONS);
  const { goneNodes, view } = ports;
  const csi = addCsiServices(
    server,
    {
      identity: identityRpcs({ driverName, version: VERSION, advertised: offered, ready: () => ({ ready: ready() }) }),
      controller: forwardingRpcs({ agents, goneNodes, view, pools, ...optional('global', global), driverName, advertised: offered, log }),
    },
    {
      advertised: offered,
      ...observing(config, log, metrics),
      before: (rpc) => {
        if (!ready() && !ALWAYS.has(rpc)) throw new ConvoyError('Unavailable', 'this controller does not serve yet; try again');
      },
    },
  );
  const admin = addClusterAdminService(
    server,
    { cluster, pools, about: aboutOf(config, registry), global: globalPools === undefined ? undefined : globalEdge(globalPools) },
    log,
  );
  await listenOn({ server, admin, idle: csi.idle }, config, log, made);
}

/** What a sidecar asks before anything else; it says nothing about storage. */
const ALWAYS: ReadonlySet<string> = new Set(['Probe', 'GetPluginInfo', 'GetPluginCapabilities', 'ControllerGetCapabilities']);

async function clusterSamples(cluster: ClusterNodes): Promise<readonly Sample[]> {
  const { agents, orphans } = await cluster.counts();
  const samples: Sample[] = Object.entries(agents).map(([state, value]) => ({ name: 'convoy_agents', labels: { state }, value }));
  if (orphans === undefined) return samples;
  return [
    ...samples,
    { name: 'convoy_orphan_volumes', value: orphans.volumes },
    { name: 'convoy_orphan_bytes', value: Number(orphans.bytes) },
    { name: 'convoy_orphan_silent_nodes', value: orphans.silent },
    { name: 'convoy_lost_volumes', value: orphans.claims },
  ];
}

/** `{ key: value }`, or nothing where there is no value. */
function optional<K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: T };
}
