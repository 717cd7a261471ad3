import { ConvoyError } from '../convoy/errors.ts';
import { type LocalVolumeId, parseId } from '../convoy/ids.ts';
import type { HoldOptions } from './api.ts';
import { asUse } from './holders.ts';
import type { Pool, PoolEnv } from './pool.ts';
import { requireVolume, routeToUse } from './route.ts';

/**
 * Who uses a volume of a global pool. The node notes it, then reads the record; who deletes marks the record, then reads the
 * notes. So whichever comes first, one of the two sees the other. A failure leaves the note to the caller: this host may have the
 * volume in use already, and only its records say so.
 */
export async function hold(pool: Pool, local: LocalVolumeId, { alone }: HoldOptions): Promise<void> {
  const { holders } = pool.operations;
  if (holders === undefined) return;
  await holders.addHolder(local, pool.host);
  await requireVolume(pool, local);
  if (!alone) return;
  // Two nodes that come at once see each other, and both are refused: one of them will be the first to try again.
  const others = (await holders.holders(local)).filter((node) => node !== pool.host);
  if (others.length === 0) return;
  throw new ConvoyError(
    'InUse',
    `volume ${pool.id(local)} is for a single node at a time, and is ${others.map(asUse).join(', ')}: end what uses it there, or use access mode ReadWriteMany`,
  );
}

export async function letGo(pool: Pool, local: LocalVolumeId): Promise<void> {
  await pool.operations.holders?.removeHolder(local, pool.host);
}

/** Of a volume that may be gone. */
export async function letGoById(env: PoolEnv, id: string): Promise<void> {
  if (parseId(id, 'volume') === undefined) return;
  const { pool, local } = routeToUse(env, id);
  if (pool.operations.holders === undefined) return;
  await pool.ready();
  await letGo(pool, local);
}
