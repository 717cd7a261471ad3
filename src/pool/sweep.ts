import { isConvoyError } from '../convoy/errors.ts';
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

async function sweepOne(env: PoolEnv, pool: Pool, kind: 'volume' | 'snapshot', local: string): Promise<void> {
  const read = await pool.book.read(kind, local);
  if (read.kind === 'absent') {
    // A place without a record: made and not yet written, or emptied and not yet removed. With data in it, it stays, and health reports it.
    await pool.book.remove(kind, local);
    if ((await pool.book.list(kind)).includes(local)) pool.catalogue.set(kind, local, { sizeBytes: 0n, pending: false });
    else pool.catalogue.delete(kind, local);
  } else if (read.kind === 'found' && read.record.kind === 'snapshot') await clearSnapshot(pool, read.record.id, read.record.volume);
  else if (read.kind === 'found' && read.record.kind === 'volume') {
    if (read.record.state === 'deleting') await resumeDelete(pool, read.record);
    else await resumeCreate(env, pool, read.record);
  }
}
