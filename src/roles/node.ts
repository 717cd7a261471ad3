import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DaemonConfig } from '../config/config.ts';
import { fromErrno } from '../convoy/errors.ts';
import type { DriverRegistry } from '../convoy/registry.ts';
import { notShared } from '../kubelet/propagation.ts';
import { registerWithKubelet } from '../kubelet/registration.ts';
import type { Log } from '../observe/log.ts';
import { Metrics } from '../observe/metrics.ts';
import { outlinePools } from '../pool/outline.ts';
import { makeMounter } from '../publish/mounter.ts';
import type { System } from '../system/api.ts';
import { openSystem } from '../system/open-system.ts';
import { openAdmission } from './admission.ts';
import { serveAgent } from './agent.ts';
import type { Running } from './daemon.ts';
import { startHealth } from './http.ts';
import { claimRoot } from './root.ts';
import { countJobBytes, poolSamples } from './samples.ts';
import { closedPools, openStorage, withBuildInfo } from './storage.ts';

type Reasons = () => readonly string[] | Promise<readonly string[]>;

/**
 * Roles `all` and `node`: this host's pools, what publishes from them, and one socket for CSI's Identity, Node (and, in role
 * `all`, Controller) and the admin service. Role `node` serves Controller to the controller alone, by mutual TLS. What is
 * made last goes first when it stops, and when it cannot start.
 */
export async function startNode(config: DaemonConfig, registry: DriverRegistry, log: Log): Promise<Running> {
  await using made = new AsyncDisposableStack();
  const health = await startHealth(config, made);

  const system = made.adopt(openSystem(), (open) => open.close());
  // A config file is checked by starting with it: before anything is made.
  const { pools: configs, root } = config;
  await outlinePools({ configs, root, registry, deps: { system, mounter: makeMounter(system), log } });
  warnWithoutRoot(log);
  // gRPC takes as long to load as the system calls' thread to start: side by side.
  const [lock, { serve }] = await Promise.all([claimRoot(root, system), import('./serve.ts')]);
  made.adopt(lock, (held) => held.release());
  const admission = await openAdmission({ root, waits: config.role === 'node', system, log });
  let gather: ReturnType<typeof poolSamples> = async () => [];
  const metrics = new Metrics(withBuildInfo(() => gather(), config));
  const { pools, node } = await openStorage({ config, registry, system, log, metrics, holdsDeletes: admission.holdsDeletes }, made);
  gather = poolSamples(pools);

  const stopped = new AbortController();
  made.defer(() => stopped.abort());
  countJobBytes(pools, metrics, stopped.signal);

  if (config.kubeletDirectory !== undefined) await makePluginFolder(config, config.kubeletDirectory);
  await serve({ config, registry, pools, node, log, metrics }, made);
  const reasons: Reasons[] = [() => workersAnswer(system), () => closedPools(pools)];
  const { agent, kubeletDirectory } = config;
  // Side by side: the agent waits for its certificate, and the pods of this node shall not.
  reasons.push(
    ...(await Promise.all([
      ...(kubeletDirectory === undefined ? [] : [meetKubelet(config, kubeletDirectory, { system, log }, made)]),
      ...(agent === undefined ? [] : [serveAgent({ config, agent, pools, node, log, metrics, admission }, made)]),
    ])),
  );
  health.ready = async () => (await Promise.all(reasons.map(async (reason) => await reason()))).flat();
  health.metrics = async () => ({ contentType: metrics.contentType, body: await metrics.render() });

  const all = made.move();
  return { stop: () => all.disposeAsync() };
}

/** The plugin's own folder below the kubelet's is the driver's to make (the kubelet makes `plugins` alone). */
async function makePluginFolder({ socketPath }: DaemonConfig, directory: string): Promise<void> {
  const folder = dirname(socketPath);
  if (!folder.startsWith(`${directory}/plugins/`)) return;
  await mkdir(folder, { recursive: true, mode: 0o750 }).catch((error: unknown) => {
    throw fromErrno(error, `making ${folder}`);
  });
}

/** When everything is served that the kubelet may ask for. */
async function meetKubelet(
  { driverName, socketPath }: DaemonConfig,
  directory: string,
  { system, log }: { readonly system: System; readonly log: Log },
  made: AsyncDisposableStack,
): Promise<Reasons> {
  const registration = await registerWithKubelet({ directory, driverName, socketPath, log });
  made.defer(() => registration.stop());
  return async () => {
    const unseen = notShared(directory, await system.mounts.list());
    return [...registration.problems(), ...(unseen === undefined ? [] : [unseen])];
  };
}

/** It may still serve what needs no mount, as in tests; an admin should not learn it from a pod that does not start. */
function warnWithoutRoot(log: Log): void {
  const uid = process.geteuid?.() ?? 0;
  if (uid !== 0) log.warn({ uid }, 'not run as root: volumes can be neither mounted nor unmounted, nor loop devices attached');
}

/**
 * Any answer will do, and ENOTTY is the one: it shows that the thread of the system calls is not stuck in one. Not for the
 * liveness probe: a disk or server that hangs it would hang the next process too.
 */
async function workersAnswer(system: System): Promise<readonly string[]> {
  await system.blocks.sizeBytes('/dev/null').catch(() => undefined);
  return [];
}
