import { ConvoyError, notFound } from '../convoy/errors.ts';
import { type LocalIdOf, type LocalSnapshotId, type LocalVolumeId, type ObjectKind, parseId } from '../convoy/ids.ts';
import { managedElsewhere, type Pool, type PoolEnv } from './pool.ts';
import type { SnapshotRecord, VolumeRecord } from './records.ts';

/** From CSI ids to the pool that owns the object. Unknown is not absent: only an open pool may say that something does not exist. */
export interface Route<K extends ObjectKind> {
  readonly pool: Pool;
  readonly local: LocalIdOf<K>;
}

export const routeVolume = (env: PoolEnv, id: string): Route<'volume'> => route(env, 'volume', id);
/** Also of pools that another process manages: to look at it, or to publish it. */
export const routeToUse = (env: PoolEnv, id: string): Route<'volume'> =>
  route({ ...env, pools: [...env.pools, ...env.guests] }, 'volume', id);
export const routeSnapshot = (env: PoolEnv, id: string): Route<'snapshot'> => route(env, 'snapshot', id);

/** The record of a ready volume. NotFound, Busy while it is made, DataLoss when its record is damaged. */
export async function requireVolume(pool: Pool, local: LocalVolumeId | string): Promise<VolumeRecord> {
  return required(pool, 'volume', local, await pool.book.find('volume', local));
}

export async function requireSnapshot(pool: Pool, local: LocalSnapshotId | string): Promise<SnapshotRecord> {
  return required(pool, 'snapshot', local, await pool.book.find('snapshot', local));
}

function route<K extends ObjectKind>(env: PoolEnv, kind: K, id: string): Route<K> {
  const parsed = parseId(id, kind);
  if (parsed === undefined) throw notFound(`${kind} ${JSON.stringify(id.slice(0, 128))}`);
  const pool = env.pools.find((candidate) => candidate.name === parsed.pool);
  const guest = pool === undefined ? env.guests.find(({ name }) => name === parsed.pool) : undefined;
  if (guest?.node === parsed.node) throw managedElsewhere(parsed.pool);
  if (pool === undefined)
    throw new ConvoyError(
      'Unavailable',
      `${kind} ${id} is in pool ${parsed.pool}, which is not configured here: configured are ${env.pools.map((each) => each.name).join(', ') || 'none'}`,
    );
  if (pool.node !== parsed.node)
    throw new ConvoyError(
      'Unavailable',
      `${kind} ${id} belongs to ${parsed.node === 'global' ? 'a global pool' : `node key ${parsed.node}`}; this is ${pool.node === 'global' ? 'a global pool' : `node ${env.nodeName} (${pool.node})`}`,
    );
  return { pool, local: parsed.local };
}

function required<R extends VolumeRecord | SnapshotRecord>(pool: Pool, kind: ObjectKind, local: string, record: R | undefined): R {
  if (record === undefined) throw notFound(`${kind} ${pool.id(local as never)}`);
  if (record.state === 'pending') throw new ConvoyError('Busy', `${kind} ${pool.id(record.id)} is still being made; try again`);
  if (record.state === 'deleting') throw notFound(`${kind} ${pool.id(record.id)} is being deleted and`);
  return record;
}
