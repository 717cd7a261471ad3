import type { Server } from '@grpc/grpc-js';
import type { About } from '../admin/rpc.ts';
import { type AdminService, addAdminService } from '../admin/server.ts';
import type { DaemonConfig } from '../config/config.ts';
import { VERSION } from '../config/version.ts';
import type { DriverRegistry } from '../convoy/registry.ts';
import { listen } from '../csi/listen.ts';
import { type CsiHostOptions, createCsiServer } from '../csi/server.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Pools } from '../pool/api.ts';
import type { NodeService } from '../publish/api.ts';
import { makeDoctor } from './doctor.ts';

/** How long calls in flight may go on after a stop; then they are cancelled and get as long again to tidy up. */
const STOP_GRACE_MS = 8000;

/** What is served. */
export interface Parts {
  readonly config: DaemonConfig;
  readonly registry: DriverRegistry;
  readonly pools: Pools;
  readonly node: NodeService;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * CSI and the admin service on one socket. What stops it is put on `made`: it stops accepting, lets what runs end for a
 * bounded time and removes the socket.
 */
export async function serve(parts: Parts, made: AsyncDisposableStack): Promise<void> {
  const { config, registry, pools, node, log, metrics } = parts;
  const { driverName, topology, role } = config;
  const csi = createCsiServer({
    pools,
    node,
    driverName,
    topology,
    version: VERSION,
    // Bound when all is open that can be: a pool that is not is no reason to have us restarted (/readyz tells it).
    ready: () => ({ ready: true }),
    withController: role !== 'node',
    ...observing(config, log, metrics),
  });
  const admin = addAdminService(csi.server, { pools, node, about: aboutOf(config, registry), doctor: makeDoctor(pools, node) }, log);
  await listenOn({ server: csi.server, admin, idle: csi.idle }, config, log, made);
}

/** Where the calls of CSI are logged and counted. */
export const observing = (
  { logLevel }: Pick<DaemonConfig, 'logLevel'>,
  log: Log,
  metrics: Metrics,
): Pick<CsiHostOptions, 'log' | 'metrics'> => ({
  log: Object.assign(log.child({}), { debugEnabled: logLevel === 'debug' || logLevel === 'trace' }),
  metrics: { observe: (method, code, seconds) => metrics.callFinished(method, code, seconds) },
});

export const aboutOf = ({ driverName, role, root, socketPath }: DaemonConfig, registry: DriverRegistry): About => ({
  version: VERSION,
  driverName,
  role,
  root,
  endpoint: `unix://${socketPath}`,
  startedAt: new Date(),
  drivers: registry.names(),
});

/** Binds the socket. What stops it is put on `made`. */
export async function listenOn(
  { server, admin, idle }: { readonly server: Server; readonly admin: AdminService; readonly idle: () => Promise<void> },
  { role, socketPath }: Pick<DaemonConfig, 'role' | 'socketPath'>,
  log: Log,
  made: AsyncDisposableStack,
): Promise<void> {
  const allIdle = async (): Promise<void> => {
    await Promise.all([idle(), admin.idle()]);
  };
  // Sidecars are not root; where this is (for global pools), they have the socket's group from its folder.
  const mode = role === 'controller' && process.geteuid?.() === 0 ? 0o660 : 0o600;
  const listening = await listen({ server, idle: allIdle }, `unix://${socketPath}`, { mode });
  made.defer(async () => {
    admin.stop();
    if (!(await listening.stop(STOP_GRACE_MS))) log.warn({}, 'calls were still running; the next start takes up what they left');
  });
}
