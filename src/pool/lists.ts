import type { HealthProblem } from '../convoy/contract.ts';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { type ObjectKind, parseId } from '../convoy/ids.ts';
import type { Page, PageRequest, Snapshot, Volume } from './api.ts';
import { volumeProblems } from './health.ts';
import { damagedVolume } from './open-volume.ts';
import type { Pool, PoolEnv } from './pool.ts';
import { toSnapshot, toVolume } from './views.ts';

/**
 * Lists over all pools, ordered by id. The token is the last id that was given: a cursor by value, so that objects deleted or
 * made between two pages neither fail nor skip others. A pool that is not open makes the list Unavailable: never a shorter
 * list that looks whole. Records are read for the page only.
 */
export async function listVolumes(env: PoolEnv, page: PageRequest): Promise<Page<Volume>> {
  return pageOf(env, 'volume', page, async (pool, local) => {
    const read = await pool.book.read('volume', local);
    if (read.kind === 'damaged') return damagedVolume(pool, local as never);
    return read.kind === 'found' && read.record.state === 'ready' ? toVolume(pool, read.record) : undefined;
  });
}

export async function listSnapshots(
  env: PoolEnv,
  filter: { readonly snapshotId?: string; readonly sourceVolumeId?: string },
  page: PageRequest,
): Promise<Page<Snapshot>> {
  if (filter.snapshotId !== undefined) return oneSnapshot(env, filter.snapshotId, filter.sourceVolumeId);
  return pageOf(env, 'snapshot', page, async (pool, local) => {
    if (filter.sourceVolumeId !== undefined && pool.catalogue.get('snapshot', local)?.sourceVolumeId !== filter.sourceVolumeId)
      return undefined;
    const read = await pool.book.read('snapshot', local);
    if (read.kind === 'damaged') {
      env.log.warn(
        { pool: pool.name, snapshot_id: pool.id(local as never), reason: read.error.message },
        'snapshot with a damaged record left out of the list',
      );
      return undefined;
    }
    return read.kind === 'found' && read.record.state === 'ready' ? toSnapshot(pool, read.record) : undefined;
  });
}

/** Volumes with problems, and those alone. */
export async function listVolumeHealth(
  env: PoolEnv,
  page: PageRequest,
): Promise<Page<{ readonly volumeId: string; readonly problems: readonly HealthProblem[] }>> {
  return pageOf(env, 'volume', page, async (pool, local) => {
    const problems = await volumeProblems(pool, local as never);
    return problems.length === 0 ? undefined : { id: pool.id(local as never), volumeId: pool.id(local as never), problems };
  });
}

async function oneSnapshot(env: PoolEnv, id: string, sourceVolumeId: string | undefined): Promise<Page<Snapshot>> {
  const nothing = { entries: [], nextToken: '' };
  const parsed = parseId(id, 'snapshot');
  if (parsed === undefined) return nothing;
  const pool = env.pools.find((candidate) => candidate.name === parsed.pool && candidate.node === parsed.node);
  if (pool === undefined)
    throw new ConvoyError(
      'Unavailable',
      `snapshot ${id} is in pool ${parsed.pool} of node key ${parsed.node}, which is not configured here`,
    );
  await pool.ready();
  const record = await pool.book.find('snapshot', parsed.local);
  if (record?.state !== 'ready') return nothing;
  return sourceVolumeId === undefined || record.sourceVolumeId === sourceVolumeId
    ? { entries: [toSnapshot(pool, record)], nextToken: '' }
    : nothing;
}

async function pageOf<T extends { readonly id?: string }>(
  env: PoolEnv,
  kind: ObjectKind,
  page: PageRequest,
  view: (pool: Pool, local: string) => Promise<T | undefined>,
): Promise<Page<T>> {
  const pools = [...env.pools].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  for (const pool of pools) await pool.ready();
  const cursor = startOf(env, kind, page.startingToken);
  const limit = page.maxEntries === 0 ? Number.POSITIVE_INFINITY : page.maxEntries;
  const found: { id: string; entry: T }[] = [];
  // One more than asked tells whether another page follows.
  for await (const next of candidates(pools, kind, cursor, view)) {
    found.push(next);
    if (found.length > limit) break;
  }
  const entries = found.slice(0, Math.min(limit, found.length));
  return { entries: entries.map(({ entry }) => entry), nextToken: found.length > limit ? (entries.at(-1)?.id ?? '') : '' };
}

interface Cursor {
  readonly pool: string;
  readonly local: string;
}

function startOf(env: PoolEnv, kind: ObjectKind, token: string): Cursor | undefined {
  if (token === '') return undefined;
  const parsed = parseId(token, kind);
  const pool = env.pools.find((candidate) => candidate.name === parsed?.pool && candidate.node === parsed.node);
  if (parsed === undefined || pool === undefined)
    throw new ConvoyError(
      'StaleToken',
      `starting_token ${JSON.stringify(token.slice(0, 128))} was not handed out by this driver: start again without one`,
    );
  return { pool: sortKey(pool), local: parsed.local };
}

const sortKey = (pool: Pool): string => `${pool.name}.${pool.node}.`;

/** Views are made a few at a time: one record read after the other would be slow, all at once would flood. */
const TOGETHER = 16;

async function* candidates<T>(
  pools: readonly Pool[],
  kind: ObjectKind,
  cursor: Cursor | undefined,
  view: (pool: Pool, local: string) => Promise<T | undefined>,
): AsyncIterable<{ id: string; entry: T }> {
  for (const pool of pools) {
    const key = sortKey(pool);
    if (cursor !== undefined && key < cursor.pool) continue;
    let batch: string[] = [];
    const flush = async (): Promise<{ id: string; entry: T }[]> => {
      const ids = batch;
      batch = [];
      const views = await Promise.all(ids.map((local) => view(pool, local)));
      return views.flatMap((entry, index) => (entry === undefined ? [] : [{ id: pool.id(ids[index] as never), entry }]));
    };
    for (const local of pool.catalogue.after(kind, cursor?.pool === key ? cursor.local : '')) {
      if (pool.catalogue.get(kind, local)?.pending !== false) continue;
      batch.push(local);
      if (batch.length === TOGETHER) yield* await flush();
    }
    yield* await flush();
  }
}

/** For people: a volume by its name, of a guest too: it is mounted here. */
export async function findByName(env: PoolEnv, local: string, pool?: string): Promise<Volume | undefined> {
  for (const candidate of [...env.pools, ...env.guests]) {
    if (pool !== undefined && candidate.name !== pool) continue;
    try {
      await candidate.ready();
    } catch (error) {
      if (!isConvoyError(error) || pool !== undefined) throw error;
      continue;
    }
    const record = await candidate.book.find('volume', local);
    if (record !== undefined && record.state !== 'deleting') return toVolume(candidate, record);
  }
  return undefined;
}
