import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { type LocalVolumeId, parseId } from '../convoy/ids.ts';
import type { HoldOptions } from './api.ts';
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
  return nodes.map(asUse);
}

/** What is no name tells of a note that cannot be read. */
const asUse = (node: string): string =>
  node.includes('/') ? `staged on a node ${node}` : `staged on node ${node}; if that node is gone for good: "convoy node forget ${node}"`;

/** Of a node that is declared gone: what it used can be used elsewhere. */
export async function releaseHolder(env: PoolEnv, node: string): Promise<void> {
  for (const pool of env.pools) {
    const { holders } = pool.operations;
    if (holders === undefined) continue;
    await pool.ready();
    for (const local of await holders.heldBy(node)) await holders.removeHolder(local, node);
  }
}

/** What a delete that was cut short has marked is a volume as before: whoever wants it deleted asks again. */
export async function unmark(pool: Pool, id: string): Promise<void> {
  const { size } = await pool.book.update('volume', id, (found) => ({ ...found, state: 'ready' }));
  pool.note('volume', id as LocalVolumeId, { sizeBytes: BigInt(size), pending: false });
}
