import { parsePath, requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const nodeUnstageVolume =
  ({ node }: Pick<Edge, 'node'>): Rpc<'NodeUnstageVolume'> =>
  async (request, call) => {
    const volumeId = requiredId('volume_id', request.volumeId);
    await node.unstage(volumeId, parsePath('staging_target_path', request.stagingTargetPath), call);
    return {};
  };
