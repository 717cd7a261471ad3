import { isConvoyError } from '../../convoy/errors.ts';
import type { Pools, Volume } from '../../pool/api.ts';
import type { VolumeCapability } from '../../publish/api.ts';
import { parseCapabilities, useOf } from '../capability.ts';
import type { ValidateVolumeCapabilitiesRequest__Output } from '../gen/csi/v1/ValidateVolumeCapabilitiesRequest.ts';
import { refusedWriters } from '../many-writers.ts';
import { contextOf } from '../messages.ts';
import { parseClassParameters, refuseMutableParameters } from '../parameters.ts';
import { map, quote, requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const validateVolumeCapabilities =
  ({ pools }: Pick<Edge, 'pools'>): Rpc<'ValidateVolumeCapabilities'> =>
  async (request) => {
    const volumeId = requiredId('volume_id', request.volumeId);
    const capabilities = parseCapabilities('volume_capabilities', request.volumeCapabilities);
    map('volume_context', request.volumeContext);
    const message = await objection(pools, await pools.getVolume(volumeId), request, capabilities);
    if (message !== undefined) return { message };
    const { volumeContext, volumeCapabilities, parameters, mutableParameters } = request;
    return { confirmed: { volumeContext, volumeCapabilities, parameters, mutableParameters } };
  };

/** Why the volume is not what the request says; undefined when it is. "No" is an OK answer with a message (csi.proto). */
async function objection(
  pools: Pick<Pools, 'status'>,
  volume: Volume,
  request: ValidateVolumeCapabilitiesRequest__Output,
  capabilities: readonly VolumeCapability[],
): Promise<string | undefined> {
  return (
    objectToContext(volume, request.volumeContext) ??
    objectToParameters(volume, request) ??
    objectToUse(volume, capabilities) ??
    (await refusedWriters(pools, volume.pool, capabilities))
  );
}

/** Only our own keys: the provisioner and the kubelet add theirs. */
function objectToContext(volume: Volume, context: Readonly<Record<string, string>>): string | undefined {
  for (const [key, value] of Object.entries(contextOf(volume))) {
    const given = Object.hasOwn(context, key) ? context[key] : undefined;
    if (given !== undefined && given !== value) return `volume_context[${quote(key)}] is ${quote(given)}; the volume has ${quote(value)}`;
  }
  return undefined;
}

function objectToParameters(volume: Volume, request: ValidateVolumeCapabilitiesRequest__Output): string | undefined {
  try {
    refuseMutableParameters(request.mutableParameters);
    const { pool } = parseClassParameters(request.parameters);
    return pool === undefined || pool === volume.pool
      ? undefined
      : `parameters["pool"] is ${quote(pool)}; the volume is in pool ${volume.pool}`;
  } catch (error) {
    if (isConvoyError(error, 'InvalidArgument')) return error.message;
    throw error;
  }
}

function objectToUse(volume: Volume, capabilities: readonly VolumeCapability[]): string | undefined {
  const asked = useOf('volume_capabilities', capabilities);
  if (asked.block && !volume.use.block) return 'the volume was made to be mounted, not as a block device';
  if (asked.mount && !volume.use.mount) return 'the volume was made as a block device, not to be mounted';
  const has = volume.fileSystem;
  if (asked.fsType !== undefined && has !== undefined && asked.fsType !== has)
    return `fs_type is ${quote(asked.fsType)}; the volume has ${has}`;
  return undefined;
}
