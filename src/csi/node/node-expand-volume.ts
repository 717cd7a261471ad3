import { parseRange, requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';
import { publishedPath } from './published-path.ts';

export const nodeExpandVolume =
  ({ node }: Pick<Edge, 'node'>): Rpc<'NodeExpandVolume'> =>
  async (request, call) => {
    const volumeId = requiredId('volume_id', request.volumeId);
    const range = parseRange(request.capacityRange);
    const capacityBytes = await node.expand(volumeId, publishedPath(volumeId, request.volumePath), range, call);
    return { capacityBytes: String(capacityBytes) };
  };
