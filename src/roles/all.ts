import type { DaemonConfig } from '../config/config.ts';
import { VERSION } from '../config/version.ts';
import { ConvoyError, isErrno } from '../convoy/errors.ts';
import type { DriverRegistry } from '../convoy/registry.ts';
import type { HealthServer, HealthSources } from '../observe/health.ts';
import { serveHealth } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';
import { Metrics } from '../observe/metrics.ts';
import type { Pools } from '../pool/api.ts';
import { openPools } from '../pool/open-pools.ts';
import type { NodeService } from '../publish/api.ts';
import { makeMounter } from '../publish/mounter.ts';
import { NodeVolumes } from '../publish/node-volumes.ts';
import { openNodeRecords } from '../publish/records.ts';
import { makeUsesOf } from '../publish/uses-of.ts';
import type { System } from '../system/api.ts';
import { openSystem } from '../system/open-system.ts';
import type { Running } from './daemon.ts';
import { decorate } from './decorators.ts';
import { checkDriverOptions } from './driver-options.ts';
import { claimRoot, makeDirectory, poolPlaces } from './root.ts';
import { countJobBytes, poolSamples } from './samples.ts';

/** A start does not wait longer for the sweep: the kubelet must be able to unpublish. It goes on beside the calls. */
const SWEEP_WAIT_MS = 10_000;

/**
 * Everything on one socket: CSI's Identity, Controller and Node, and the admin service. What is made last goes first when
 * it stops, and when it cannot start.
 */
export async function startAll(config: DaemonConfig, registry: DriverRegistry, log: Log): Promise<Running> {
  await using made = new AsyncDisposableStack();
  const health = await startHealth(config, made);

  const system = made.adopt(openSystem(), (open) => open.close());
  await checkDriverOptions(config.pools, registry, config.root, { system, mounter: makeMounter(system), log });
  warnWithoutRoot(log);
  // gRPC takes as long to load as the system calls' thread to start: side by side.
  const [lock, { serve }] = await Promise.all([claimRoot(config.root, system), import('./serve.ts')]);
  made.adopt(lock, (held) => held.release());
  health.alive = () => workersAnswer(system);
  let gather: ReturnType<typeof poolSamples> = async () => [];
  const metrics = new Metrics(withBuildInfo(() => gather(), config));
  const { pools, node } = await openStorage({ config, registry, system, log, metrics }, made);
  gather = poolSamples(pools);

  const stopped = new AbortController();
  made.defer(() => stopped.abort());
  countJobBytes(pools, metrics, stopped.signal);

  await serve({ config, registry, pools, node, log, metrics }, made);
  health.ready = async () => closedPools(pools);
  health.metrics = async () => ({ contentType: metrics.contentType, body: await metrics.render() });

  const all = made.move();
  return { stop: () => all.disposeAsync() };
}

/** It may still serve what needs no mount, as in tests; an admin should not learn it from a pod that does not start. */
function warnWithoutRoot(log: Log): void {
  const uid = process.geteuid?.() ?? 0;
  if (uid !== 0) log.warn({ uid }, 'not run as root: volumes can be neither mounted nor unmounted, nor loop devices attached');
}

/** First of all: a port in use is found before anything is touched, and a long start can be told from a dead one. */
async function startHealth(
  config: DaemonConfig,
  made: AsyncDisposableStack,
): Promise<{ -readonly [K in keyof HealthSources]: HealthSources[K] }> {
  const starting = async (): Promise<readonly string[]> => ['the daemon is starting'];
  const sources: { -readonly [K in keyof HealthSources]: HealthSources[K] } = {
    alive: async () => [],
    ready: starting,
    metrics: () => Promise.reject(new Error('the daemon is starting')),
  };
  if (config.http !== undefined) made.adopt(await bindHealth(config.http, sources), (server) => server.close());
  return sources;
}

async function bindHealth(address: NonNullable<DaemonConfig['http']>, sources: HealthSources): Promise<HealthServer> {
  try {
    return await serveHealth(address, {
      alive: () => sources.alive(),
      ready: () => sources.ready(),
      metrics: () => sources.metrics(),
    });
  } catch (error) {
    if (!isErrno(error, 'EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND')) throw error;
    throw noHealth(`${address.host}:${address.port} (${error.code})`, error);
  }
}

const noHealth = (where: string, cause: unknown): ConvoyError =>
  new ConvoyError('Unavailable', `cannot serve HTTP on ${where}: choose another address by --http-listen, or '' for none`, { cause });

/** Any answer will do, and ENOTTY is the one: it shows that the thread of the system calls is not stuck in one. */
async function workersAnswer(system: System): Promise<readonly string[]> {
  await system.blocks.sizeBytes('/dev/null').catch(() => undefined);
  return [];
}

interface StorageParts {
  readonly config: DaemonConfig;
  readonly registry: DriverRegistry;
  readonly system: System;
  readonly log: Log;
  readonly metrics: Metrics;
}

async function openStorage(parts: StorageParts, made: AsyncDisposableStack): Promise<{ pools: Pools; node: NodeService }> {
  const { config, registry, system, log, metrics } = parts;
  const { root, nodeName, defaultPool } = config;
  for (const directory of config.makeDirectories) await makeDirectory(directory, 0o700);
  const mounter = makeMounter(system);
  const records = await openNodeRecords(root, log);
  const pools = made.adopt(
    await openPools({
      configs: config.pools,
      ...(defaultPool === undefined ? {} : { defaultPool }),
      nodeName,
      root,
      registry,
      deps: { system, mounter, log },
      usesOf: makeUsesOf({ system, records, log }),
      decorate: decorate(metrics, log),
    }),
    (open) => open.close(),
  );
  const places = await poolPlaces(config.pools);
  const node = new NodeVolumes({ system, pools, mounter, records, log, root, protectedPaths: () => places });
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
  const swept = node
    .sweep()
    .catch((error: unknown) => log.error({ error }, 'the sweep of published volumes failed; the next start tries again'));
  await Promise.race([swept, late]);
  clearTimeout(timer);
}

async function closedPools(pools: Pools): Promise<readonly string[]> {
  return (await pools.status()).flatMap(({ config, state }) =>
    state.kind === 'open' ? [] : [`pool ${JSON.stringify(config.name)} is unavailable: ${state.reason}`],
  );
}

const withBuildInfo =
  (gather: ReturnType<typeof poolSamples>, { role }: DaemonConfig): ReturnType<typeof poolSamples> =>
  async () => [
    ...(await gather()),
    { name: 'convoy_build_info', labels: { version: VERSION, node_version: process.versions.node, role }, value: 1 },
  ];
