import { parseCapability } from '../capability.ts';
import { map, parsePath, requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const nodeStageVolume =
  ({ node }: Pick<Edge, 'node'>): Rpc<'NodeStageVolume'> =>
  async (request, call) => {
    const volumeId = requiredId('volume_id', request.volumeId);
    const stagingPath = parsePath('staging_target_path', request.stagingTargetPath);
    const capability = parseCapability('volume_capability', request.volumeCapability);
    map('volume_context', request.volumeContext);
    await node.stage({ volumeId, stagingPath, capability }, call);
    return {};
  };
