import { volumeMessage } from '../messages.ts';
import { requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const controllerGetVolume =
  ({ pools, driverName }: Pick<Edge, 'pools' | 'driverName'>): Rpc<'ControllerGetVolume'> =>
  async (request) => {
    const volume = await pools.getVolume(requiredId('volume_id', request.volumeId));
    // A status is required; the nodes in it are not, without LIST_VOLUMES_PUBLISHED_NODES.
    return { volume: volumeMessage(driverName, volume), status: { publishedNodeIds: [] } };
  };
