import { isConvoyError } from '../convoy/errors.ts';
import type { Sample } from '../observe/metric-catalogue.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Job, PoolStatus, Pools } from '../pool/api.ts';

/** Asking every volume for its health costs I/O: often enough for an alert, seldom enough for ten thousand volumes. */
const HEALTH_EVERY_MS = 60_000;

/** What the gauges show, read from the pools when it is asked for. */
export function poolSamples(pools: Pools): () => Promise<readonly Sample[]> {
  const problems = cachedProblems(pools);
  return async () => {
    const statuses = await pools.status();
    const trash = await Promise.all(statuses.map((status) => trashSamples(pools, status)));
    return [...statuses.flatMap(statusSamples), ...trash.flat(), ...jobSamples(pools.jobs()), ...problems()];
  };
}

/** Counts the bytes that jobs copy, until `signal` aborts. */
export function countJobBytes(pools: Pools, metrics: Pick<Metrics, 'jobBytes'>, signal: AbortSignal): void {
  const counted = new Map<string, bigint>();
  pools.watchJobs(signal, (job) => {
    const before = counted.get(job.id) ?? 0n;
    if (job.doneBytes > before) metrics.jobBytes(job.pool, job.kind, Number(job.doneBytes - before));
    if (job.state === 'done' || job.state === 'failed') counted.delete(job.id);
    else counted.set(job.id, job.doneBytes > before ? job.doneBytes : before);
  });
}

function statusSamples(status: PoolStatus): readonly Sample[] {
  const { name, driver } = status.config;
  const open = status.state.kind === 'open';
  const samples: Sample[] = [{ name: 'convoy_pool_open', labels: { pool: name, driver }, value: open ? 1 : 0 }];
  const add = (metric: Sample['name'], value: bigint | number | undefined): void => {
    if (open && value !== undefined) samples.push({ name: metric, labels: { pool: name }, value: Number(value) });
  };
  add('convoy_pool_size_bytes', status.capacity?.totalBytes);
  add('convoy_pool_available_bytes', status.capacity?.availableBytes);
  add('convoy_pool_promised_bytes', status.promisedBytes);
  add('convoy_volumes', status.volumes);
  add('convoy_snapshots', status.snapshots);
  add('convoy_trash_entries', status.trashed);
  return samples;
}

async function trashSamples(pools: Pools, { config, state }: PoolStatus): Promise<readonly Sample[]> {
  if (state.kind !== 'open') return [];
  try {
    const items = await pools.listTrash(config.name);
    return [
      {
        name: 'convoy_trash_bytes',
        labels: { pool: config.name },
        value: Number(items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0n)),
      },
    ];
  } catch (error) {
    // The pool was lost since its status was read.
    if (isConvoyError(error)) return [];
    throw error;
  }
}

function jobSamples(jobs: readonly Job[]): readonly Sample[] {
  const counts = new Map<string, Sample>();
  for (const { pool, kind, state } of jobs) {
    const key = `${pool} ${kind} ${state}`;
    counts.set(key, { name: 'convoy_jobs', labels: { pool, kind, state }, value: (counts.get(key)?.value ?? 0) + 1 });
  }
  return [...counts.values()];
}

/** The last known problems; asks again in the background, so that a scrape never waits for a sick volume. */
function cachedProblems(pools: Pools): () => readonly Sample[] {
  let known: readonly Sample[] = [];
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking = false;
  const ask = async (): Promise<void> => {
    try {
      known = await readProblems(pools);
    } catch (error) {
      if (!isConvoyError(error)) throw error;
    } finally {
      asking = false;
    }
  };
  return () => {
    if (!asking && performance.now() - askedAt > HEALTH_EVERY_MS) {
      askedAt = performance.now();
      asking = true;
      void ask();
    }
    return known;
  };
}

async function readProblems(pools: Pools): Promise<readonly Sample[]> {
  const counts = new Map<string, Sample>();
  for (let startingToken = ''; ; ) {
    const page = await pools.listVolumeHealth({ maxEntries: 1000, startingToken });
    for (const { problems } of page.entries)
      for (const { status, reason } of problems) {
        const key = `${status} ${reason}`;
        counts.set(key, { name: 'convoy_volume_problems', labels: { status, reason }, value: (counts.get(key)?.value ?? 0) + 1 });
      }
    if (page.nextToken === '') return [...counts.values()];
    startingToken = page.nextToken;
  }
}
