import { checkName } from '../../convoy/ids.ts';
import type { CreateSnapshotInput } from '../../pool/api.ts';
import type { CreateSnapshotRequest__Output } from '../gen/csi/v1/CreateSnapshotRequest.ts';
import type { Topology } from '../gen/csi/v1/Topology.ts';
import { snapshotMessage } from '../messages.ts';
import { parseSnapshotParameters } from '../parameters.ts';
import { requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';
import { whereOf } from '../topology.ts';

export const createSnapshot =
  ({ pools, driverName }: Pick<Edge, 'pools' | 'driverName'>): Rpc<'CreateSnapshot'> =>
  async (request, call) => {
    const input = parseCreateSnapshot(driverName, request);
    const message = snapshotMessage(driverName, await pools.createSnapshot(input, call));
    return { snapshot: isSaid(input, message.accessibleTopology) ? { ...message, accessibleTopology: [] } : message };
  };

/**
 * Where every requisite term says already what accessible_topology would, the caller has said itself where the snapshot is, and
 * the (optional) answer is left out: csi-test 5.6.0 compares it with its own request by Go's hidden fields, and fails on any.
 * GetSnapshot, ListSnapshots and every other CreateSnapshot carry it.
 */
function isSaid({ terms = [] }: CreateSnapshotInput, answer: readonly Topology[] = []): boolean {
  const said = answer.flatMap(({ segments = {} }) => Object.entries(segments));
  return terms.length > 0 && terms.every((term) => said.every(([key, value]) => Object.hasOwn(term, key) && term[key] === value));
}

function parseCreateSnapshot(driverName: string, request: CreateSnapshotRequest__Output): CreateSnapshotInput {
  return {
    name: checkName('name', request.name),
    sourceVolumeId: requiredId('source_volume_id', request.sourceVolumeId),
    ...parseSnapshotParameters(request.parameters),
    ...whereOf(driverName, request.accessibilityRequirements),
  };
}
