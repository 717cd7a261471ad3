import { snapshotMessage } from '../messages.ts';
import { requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const getSnapshot =
  ({ pools, driverName }: Pick<Edge, 'pools' | 'driverName'>): Rpc<'GetSnapshot'> =>
  async (request) => ({ snapshot: snapshotMessage(driverName, await pools.getSnapshot(requiredId('snapshot_id', request.snapshotId))) });
