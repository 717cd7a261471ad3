import { isConvoyError } from '../convoy/errors.ts';
import type { LocalVolumeId } from '../convoy/ids.ts';
import type { Pool, PoolEnv } from './pool.ts';

/** Who uses volumes of global pools, as who manages a pool reads it; who takes one into use: hold.ts. */

/** What nodes that are declared gone have left on a volume that was deleted: they need not come back. */
export async function clearHolds(env: PoolEnv, pool: Pool, local: LocalVolumeId): Promise<void> {
  const { holders } = pool.operations;
  for (const node of (await holders?.holders(local)) ?? []) if (env.isReleased(node)) await holders?.removeHolder(local, node);
}

/** Ids of what a node holds, of all pools that are open. */
export async function heldBy(env: PoolEnv, node: string): Promise<readonly string[]> {
  const found = await Promise.all(
    [...env.pools, ...env.guests].map(async (pool) => {
      const { holders } = pool.operations;
      if (holders === undefined || pool.state.kind !== 'open') return [];
      try {
        return (await holders.heldBy(node)).map((local) => pool.id(local));
      } catch (error) {
        if (!isConvoyError(error)) throw error;
        env.log.warn({ pool: pool.name, node, reason: error.message }, 'what a node holds of the pool cannot be told now');
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
export const asUse = (node: string): string =>
  node.includes('/') ? `staged on a node ${node}` : `staged on node ${node} (if that node is gone for good: "convoy node forget ${node}")`;

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
