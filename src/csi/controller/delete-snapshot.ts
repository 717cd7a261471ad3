import { requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const deleteSnapshot =
  ({ pools }: Pick<Edge, 'pools'>): Rpc<'DeleteSnapshot'> =>
  async (request, call) => {
    await pools.deleteSnapshot(requiredId('snapshot_id', request.snapshotId), call);
    return {};
  };
