import { checkName } from '../../convoy/ids.ts';
import type { CreateSnapshotInput } from '../../pool/api.ts';
import type { CreateSnapshotRequest__Output } from '../gen/csi/v1/CreateSnapshotRequest.ts';
import { snapshotMessage } from '../messages.ts';
import { parseSnapshotParameters } from '../parameters.ts';
import { requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';
import { requiredNodes } from '../topology.ts';

export const createSnapshot =
  ({ pools, driverName }: Pick<Edge, 'pools' | 'driverName'>): Rpc<'CreateSnapshot'> =>
  async (request, call) => {
    const snapshot = await pools.createSnapshot(parseCreateSnapshot(driverName, request), call);
    return { snapshot: snapshotMessage(driverName, snapshot) };
  };

function parseCreateSnapshot(driverName: string, request: CreateSnapshotRequest__Output): CreateSnapshotInput {
  const nodes = requiredNodes(driverName, request.accessibilityRequirements);
  return {
    name: checkName('name', request.name),
    sourceVolumeId: requiredId('source_volume_id', request.sourceVolumeId),
    ...parseSnapshotParameters(request.parameters),
    ...(nodes === undefined ? {} : { nodes }),
  };
}
