import { ConvoyError } from '../../convoy/errors.ts';
import { isReaderOnly, parseCapability } from '../capability.ts';
import { map, parsePath, requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const nodePublishVolume =
  ({ node, pools }: Pick<Edge, 'node' | 'pools'>): Rpc<'NodePublishVolume'> =>
  async (request, call) => {
    const volumeId = requiredId('volume_id', request.volumeId);
    const targetPath = parsePath('target_path', request.targetPath);
    const capability = parseCapability('volume_capability', request.volumeCapability);
    map('volume_context', request.volumeContext);
    if (request.stagingTargetPath === '') {
      // An unknown volume is told before a path that was not set (spec.md's order, forced by csi-sanity).
      await pools.peekVolume(volumeId);
      throw new ConvoyError('Precondition', 'staging_target_path is not set: this driver stages volumes, so NodeStageVolume comes first');
    }
    const stagingPath = parsePath('staging_target_path', request.stagingTargetPath);
    const readOnly = request.readonly || isReaderOnly(capability);
    await node.publish({ volumeId, stagingPath, targetPath, capability, readOnly }, call);
    return {};
  };
