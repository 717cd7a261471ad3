import { parseId } from '../../convoy/ids.ts';
import { snapshotMessage } from '../messages.ts';
import { parsePage } from '../paging.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const listSnapshots =
  ({ pools, driverName }: Pick<Edge, 'pools' | 'driverName'>): Rpc<'ListSnapshots'> =>
  async (request) => {
    const paging = parsePage(request);
    const { snapshotId, sourceVolumeId } = request;
    // A filter that is no id of ours matches nothing: an empty list, not an error (spec.md).
    const foreign =
      (snapshotId !== '' && parseId(snapshotId, 'snapshot') === undefined) ||
      (sourceVolumeId !== '' && parseId(sourceVolumeId, 'volume') === undefined);
    if (foreign) return { entries: [], nextToken: '' };
    const filter = { ...(snapshotId === '' ? {} : { snapshotId }), ...(sourceVolumeId === '' ? {} : { sourceVolumeId }) };
    const page = await pools.listSnapshots(filter, paging);
    return { entries: page.entries.map((snapshot) => ({ snapshot: snapshotMessage(driverName, snapshot) })), nextToken: page.nextToken };
  };
