import { isConvoyError } from '../convoy/errors.ts';
import type { LocalId } from '../convoy/ids.ts';
import type { Pool, PoolEnv } from './pool.ts';
import { clearSnapshot } from './snapshots.ts';
import { resumeCreate } from './volume-create.ts';
import { resumeDelete } from './volume-delete.ts';

/**
 * Once a pool is open: what a stopped process left is finished or cleared. Unfinished copies of whole sources go on as jobs; a
 * snapshot whose cut was not whole is cleared, since the cut would be another instant now. A damaged record is left alone.
 */
export async function sweep(env: PoolEnv, pool: Pool): Promise<void> {
  for (const kind of ['snapshot', 'volume'] as const) {
    for (const local of pool.catalogue.after(kind, '')) {
      if (pool.catalogue.get(kind, local)?.pending !== true) continue;
      try {
        await sweepOne(env, pool, kind, local);
      } catch (error) {
        // One object that cannot be cleared now does not keep the pool from serving the others; its retry tries again.
        if (!isConvoyError(error)) throw error;
        env.log.warn({ pool: pool.name, kind, id: local, reason: error.message }, 'left-over not cleared at start');
      }
    }
  }
}

/** Of a pool that is opened late, calls and jobs may be at work already: what one of them holds is its own to finish. */
async function sweepOne(env: PoolEnv, pool: Pool, kind: 'volume' | 'snapshot', local: string): Promise<void> {
  if (env.jobs.isRunning(pool.id(local as LocalId))) return;
  using _lock = env.locks.acquire({ exclusive: [`${kind}/${local}`], doing: 'what a stopped process left of it is cleared' });
  const read = await pool.book.read(kind, local);
  if (read.kind === 'absent' && !env.holdsDeletes()) await sweepPlace(pool, kind, local);
  if (read.kind !== 'found') return;
  const { record } = read;
  if (record.state === 'ready') {
    const source = record.kind === 'snapshot' ? { sourceVolumeId: record.sourceVolumeId } : {};
    pool.note(kind, record.id, { sizeBytes: BigInt(record.size), pending: false, ...source });
  } else if (env.holdsDeletes()) return;
  else if (record.kind === 'snapshot') await clearSnapshot(pool, record.id, record.volume);
  else if (record.state === 'deleting') await resumeDelete(pool, record);
  else await resumeCreate(env, pool, record);
}

/** A place without a record: made and not yet written, or emptied and not yet removed. With data in it, it stays, and health reports it. */
async function sweepPlace(pool: Pool, kind: 'volume' | 'snapshot', local: string): Promise<void> {
  await pool.book.remove(kind, local);
  if ((await pool.book.list(kind)).includes(local)) pool.catalogue.set(kind, local, { sizeBytes: 0n, pending: false });
  else pool.catalogue.delete(kind, local);
}
