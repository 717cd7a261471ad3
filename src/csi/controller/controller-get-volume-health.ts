import { healthMessage } from '../messages.ts';
import { requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const controllerGetVolumeHealth =
  ({ pools }: Pick<Edge, 'pools'>): Rpc<'ControllerGetVolumeHealth'> =>
  async (request) => {
    const volumeId = requiredId('volume_id', request.volumeId);
    return { volumeHealth: healthMessage(volumeId, await pools.volumeHealth(volumeId)) };
  };
