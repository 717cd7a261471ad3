import type { UsageStats } from '../../convoy/contract.ts';
import type { VolumeUsage } from '../gen/csi/v1/VolumeUsage.ts';
import { requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';
import { publishedPath } from './published-path.ts';

export const nodeGetVolumeStats =
  ({ node }: Pick<Edge, 'node'>): Rpc<'NodeGetVolumeStats'> =>
  async (request) => {
    const volumeId = requiredId('volume_id', request.volumeId);
    return { usage: usageOf(await node.stats(volumeId, publishedPath(volumeId, request.volumePath))) };
  };

/** csi.proto: for a block volume the total alone; nobody but its user knows what of it is in use. */
function usageOf({ block, bytes, inodes }: UsageStats & { readonly block: boolean }): VolumeUsage[] {
  if (block) return [{ unit: 'BYTES', total: String(bytes.total) }];
  const usage: VolumeUsage[] = [
    { unit: 'BYTES', total: String(bytes.total), used: String(bytes.used), available: String(bytes.available) },
  ];
  if (inodes !== undefined)
    usage.push({ unit: 'INODES', total: String(inodes.total), used: String(inodes.used), available: String(inodes.free) });
  return usage;
}
