import { invalid } from '../../convoy/errors.ts';
import { parseRange, requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const controllerExpandVolume =
  ({ pools }: Pick<Edge, 'pools'>): Rpc<'ControllerExpandVolume'> =>
  async (request, call) => {
    const volumeId = requiredId('volume_id', request.volumeId);
    const range = parseRange(request.capacityRange);
    if (range.requiredBytes === undefined && range.limitBytes === undefined) {
      throw invalid('capacity_range is required, with required_bytes or limit_bytes above 0');
    }
    const volume = await pools.expandVolume(volumeId, range, call);
    const block = request.volumeCapability?.accessType === 'block';
    return {
      capacityBytes: String(volume.sizeBytes),
      // Only a file system on a device has to follow, on the node that mounts it. A directory is as large at once.
      nodeExpansionRequired: volume.fileSystem !== undefined && !block,
    };
  };
