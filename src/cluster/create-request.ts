import { invalid, notFound } from '../convoy/errors.ts';
import { checkName, type ParsedId, parseId } from '../convoy/ids.ts';
import { parseCapabilities, useOf } from '../csi/capability.ts';
import type { CreateVolumeRequest__Output } from '../csi/gen/csi/v1/CreateVolumeRequest.ts';
import type { VolumeContentSource__Output } from '../csi/gen/csi/v1/VolumeContentSource.ts';
import { parseClassParameters, refuseMutableParameters } from '../csi/parameters.ts';
import { parseRange } from '../csi/parse.ts';
import { requiredNodes } from '../csi/topology.ts';
import type { PoolOutline } from './api.ts';
import { GLOBAL } from './router.ts';

export type Outline = Pick<PoolOutline, 'config' | 'isDefault' | 'scope'>;

/** What of a CreateVolume decides where it goes. */
export interface CreateRequest {
  readonly name: string;
  readonly pool: Outline;
  /** Segments of our key; undefined = anywhere. */
  readonly required: readonly string[] | undefined;
  readonly source: CopySource | undefined;
}

export interface CopySource {
  /** Kind and id, for people. */
  readonly what: string;
  readonly id: ParsedId;
}

/** Refuses what every node would refuse, before any is asked. */
export function parseCreateRequest(driverName: string, pools: readonly Outline[], request: CreateVolumeRequest__Output): CreateRequest {
  const name = checkName('name', request.name);
  useOf('volume_capabilities', parseCapabilities('volume_capabilities', request.volumeCapabilities));
  const source = parseSource(request.volumeContentSource);
  const required = requiredNodes(driverName, request.accessibilityRequirements);
  refuseMutableParameters(request.mutableParameters);
  parseRange(request.capacityRange);
  const { pool: named } = parseClassParameters(request.parameters);
  const pool = poolOf(pools, named, source?.id.pool);
  if (source !== undefined) refuseOtherKind(pool, source);
  return { name, pool, required, source };
}

/** Data is not moved between nodes and what they share. */
function refuseOtherKind({ config: { name }, scope }: Outline, { what, id }: CopySource): void {
  const was = id.node === GLOBAL ? 'global' : 'local';
  if (was === scope) return;
  throw invalid(
    id.pool === name
      ? `volume_content_source: ${what} is of ${was} pool ${name}, which is ${scope} by now: it can be copied where that pool is configured as it was`
      : `volume_content_source: ${what} is in ${was} pool ${id.pool}, and the new volume would be in ${scope} pool ${name}: use a class of pool ${id.pool}`,
  );
}

/** The named pool; a copy is made where its data is; else the default one. */
function poolOf(pools: readonly Outline[], named: string | undefined, ofSource: string | undefined): Outline {
  if (named !== undefined) return configured(pools, named);
  const found = pools.find(({ config }) => config.name === ofSource) ?? pools.find(({ isDefault }) => isDefault);
  if (found === undefined) throw invalid(`parameter pool is required: configured are ${names(pools)}, and none is the default`);
  return found;
}

export function configured(pools: readonly Outline[], name: string): Outline {
  const found = pools.find(({ config }) => config.name === name);
  if (found === undefined)
    throw invalid(`parameters["pool"] is ${JSON.stringify(name)}, which is not configured; configured are ${names(pools)}`);
  return found;
}

const names = (pools: readonly Outline[]): string => pools.map(({ config }) => config.name).join(', ') || 'none';

function parseSource(source: VolumeContentSource__Output | null): CopySource | undefined {
  if (source === null) return undefined;
  const { snapshot, volume } = source;
  if (snapshot !== null && snapshot !== undefined)
    return sourceOf('snapshot', 'volume_content_source.snapshot.snapshot_id', snapshot.snapshotId);
  if (volume === null || volume === undefined)
    throw invalid('volume_content_source has neither snapshot nor volume; one of them is required');
  return sourceOf('volume', 'volume_content_source.volume.volume_id', volume.volumeId);
}

function sourceOf(kind: ParsedId['kind'], field: string, text: string): CopySource {
  if (text === '') throw invalid(`${field} is required`);
  const id = parseId(text, kind);
  if (id === undefined) throw notFound(`${kind} ${JSON.stringify(text.slice(0, 128))}`);
  return { what: `${kind} ${text}`, id };
}
