import { isConvoyError } from '../convoy/errors.ts';
import { type LocalVolumeId, parseId } from '../convoy/ids.ts';
import type { Pool, PoolEnv } from './pool.ts';
import { requireVolume, routeToUse } from './route.ts';

/**
 * Who uses a volume of a global pool. The node notes it, then reads the record; who deletes marks the record, then reads the
 * notes. So whichever comes first, one of the two sees the other. A failure leaves the note to the caller: this host may have the
 * volume in use already, and only its records say so.
 */
export async function hold(pool: Pool, local: LocalVolumeId): Promise<void> {
  const { holders } = pool.operations;
  if (holders === undefined) return;
  await holders.addHolder(local, pool.host);
  await requireVolume(pool, local);
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

/** What nodes that are declared gone have left on a volume that was deleted: they need not come back. */
export async function clearHolds(pool: Pool, local: LocalVolumeId): Promise<void> {
  const { holders } = pool.operations;
  for (const node of (await holders?.holders(local)) ?? []) await holders?.removeHolder(local, node);
}

/** Ids of what this host holds, of all pools that are open. */
export async function heldHere(env: PoolEnv): Promise<readonly string[]> {
  const found = await Promise.all(
    [...env.pools, ...env.guests].map(async (pool) => {
      const { holders } = pool.operations;
      if (holders === undefined || pool.state.kind !== 'open') return [];
      try {
        return (await holders.heldBy(pool.host)).map((local) => pool.id(local));
      } catch (error) {
        if (!isConvoyError(error)) throw error;
        env.log.warn({ pool: pool.name, reason: error.message }, 'what this host holds of the pool cannot be told now');
        return [];
      }
    }),
  );
  return found.flat();
}

/** Other hosts that use it, as phrases for a message. What was on a node that is declared gone is released. */
export async function heldElsewhere(env: PoolEnv, pool: Pool, local: LocalVolumeId): Promise<readonly string[]> {
  const { holders } = pool.operations;
  if (holders === undefined) return [];
  const isOurs = (node: string): boolean => env.usesOf !== undefined && node === pool.host;
  const nodes = (await holders.holders(local)).filter((node) => !isOurs(node) && !env.isReleased(node));
  return nodes.map((node) =>
    // What is no name tells of a note that cannot be read.
    node.includes('/') ? `staged on a node ${node}` : `staged on node ${node}; if that node is gone for good: "convoy node forget ${node}"`,
  );
}

/** What a delete that was cut short has marked is a volume as before: whoever wants it deleted asks again. */
export async function unmark(pool: Pool, id: string): Promise<void> {
  const { size } = await pool.book.update('volume', id, (found) => ({ ...found, state: 'ready' }));
  pool.note('volume', id as LocalVolumeId, { sizeBytes: BigInt(size), pending: false });
}
