import { invalid } from '../../convoy/errors.ts';
import { checkName } from '../../convoy/ids.ts';
import type { CreateVolumeInput, VolumeSource } from '../../pool/api.ts';
import type { VolumeCapability } from '../../publish/api.ts';
import { parseCapabilities, useOf } from '../capability.ts';
import type { CreateVolumeRequest__Output } from '../gen/csi/v1/CreateVolumeRequest.ts';
import type { VolumeContentSource__Output } from '../gen/csi/v1/VolumeContentSource.ts';
import { refusedWriters } from '../many-writers.ts';
import { volumeMessage } from '../messages.ts';
import { parseClassParameters, refuseMutableParameters } from '../parameters.ts';
import { parseRange } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';
import { whereOf } from '../topology.ts';

export const createVolume =
  ({ pools, driverName }: Pick<Edge, 'pools' | 'driverName'>): Rpc<'CreateVolume'> =>
  async (request, call) => {
    const { input, capabilities } = parseCreateVolume(driverName, request);
    const refused = await refusedWriters(pools, input.pool, capabilities);
    if (refused !== undefined) throw invalid(`volume_capabilities: ${refused}`);
    return { volume: volumeMessage(driverName, await pools.createVolume(input, call)) };
  };

function parseCreateVolume(
  driverName: string,
  request: CreateVolumeRequest__Output,
): { input: CreateVolumeInput; capabilities: readonly VolumeCapability[] } {
  const name = checkName('name', request.name);
  const capabilities = parseCapabilities('volume_capabilities', request.volumeCapabilities);
  const source = parseSource(request.volumeContentSource);
  refuseMutableParameters(request.mutableParameters);
  const input: CreateVolumeInput = {
    name,
    range: parseRange(request.capacityRange),
    use: useOf('volume_capabilities', capabilities),
    ...parseClassParameters(request.parameters),
    ...(source === undefined ? {} : { source }),
    ...whereOf(driverName, request.accessibilityRequirements),
  };
  return { input, capabilities };
}

function parseSource(source: VolumeContentSource__Output | null): VolumeSource | undefined {
  if (source === null) return undefined;
  if (source.snapshot !== null && source.snapshot !== undefined) {
    const { snapshotId } = source.snapshot;
    if (snapshotId === '') throw invalid('volume_content_source.snapshot.snapshot_id is required');
    return { kind: 'snapshot', snapshotId };
  }
  if (source.volume === null || source.volume === undefined)
    throw invalid('volume_content_source has neither snapshot nor volume; one of them is required');
  const { volumeId } = source.volume;
  if (volumeId === '') throw invalid('volume_content_source.volume.volume_id is required');
  return { kind: 'volume', volumeId };
}
