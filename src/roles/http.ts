import type { DaemonConfig } from '../config/config.ts';
import { ConvoyError, isErrno } from '../convoy/errors.ts';
import type { HealthServer, HealthSources } from '../observe/health.ts';
import { serveHealth } from '../observe/health.ts';

/** What the probes and Prometheus ask; a role puts its own answers in as it starts. */
export type HealthAnswers = { -readonly [K in keyof HealthSources]: HealthSources[K] };

/** First of all: a port in use is found before anything is touched, and a long start can be told from a dead one. */
export async function startHealth({ http }: Pick<DaemonConfig, 'http'>, made: AsyncDisposableStack): Promise<HealthAnswers> {
  const starting = async (): Promise<readonly string[]> => ['the daemon is starting'];
  const sources: HealthAnswers = {
    alive: async () => [],
    ready: starting,
    metrics: () => Promise.reject(new Error('the daemon is starting')),
  };
  if (http !== undefined) made.adopt(await bindHealth(http, sources), (server) => server.close());
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
