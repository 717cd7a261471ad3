import type { Pools } from '../pool/api.ts';
import type { VolumeCapability } from '../publish/api.ts';
import { writesFromManyNodes } from './capability.ts';

/**
 * Why a pool cannot promise writing from several nodes; undefined if it can, or if nobody asks for it.
 *
 * A global pool can. A local one is on one node, and its topology keeps every pod of the volume there, so that the
 * question is what several pods of that node may do:
 * - MULTI_NODE_MULTI_WRITER and MULTI_NODE_SINGLE_WRITER (ReadWriteMany) of a directory: accepted. Charts ask for it to
 *   share files, on clusters of one node most of all, and a directory bears any number of writers.
 * - the same of a device: refused. Two writers of one raw device, or later of one file system from two nodes, destroy it.
 *   Pods of one node share such a volume as ReadWriteOnce (SINGLE_NODE_MULTI_WRITER).
 * - MULTI_NODE_READER_ONLY (ReadOnlyMany) is no question of writers: accepted everywhere, published read-only.
 */
export async function refusedWriters(
  pools: Pick<Pools, 'status'>,
  pool: string | undefined,
  capabilities: readonly VolumeCapability[],
): Promise<string | undefined> {
  const asked = capabilities.find(writesFromManyNodes);
  if (asked === undefined) return undefined;
  const found = (await pools.status()).find((status) => (pool === undefined ? status.isDefault : status.config.name === pool));
  // What is not known here is refused by the pool itself (not configured, not open).
  if (found === undefined || found.scope === 'global' || found.properties?.access !== 'device') return undefined;
  return `access mode ${asked.mode} is not possible in pool ${found.config.name}: its volumes are block devices of one node; use SINGLE_NODE_MULTI_WRITER (ReadWriteOnce), which pods of one node share, or a pool of directories`;
}
