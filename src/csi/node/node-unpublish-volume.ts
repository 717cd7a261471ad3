import { parsePath, requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const nodeUnpublishVolume =
  ({ node }: Pick<Edge, 'node'>): Rpc<'NodeUnpublishVolume'> =>
  async (request, call) => {
    const volumeId = requiredId('volume_id', request.volumeId);
    await node.unpublish(volumeId, parsePath('target_path', request.targetPath), call);
    return {};
  };
