import { requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const deleteVolume =
  ({ pools }: Pick<Edge, 'pools'>): Rpc<'DeleteVolume'> =>
  async (request, call) => {
    await pools.deleteVolume(requiredId('volume_id', request.volumeId), {}, call);
    return {};
  };
