import type { DriverProperties } from '../convoy/contract.ts';
import { ConvoyError, invalid } from '../convoy/errors.ts';
import type { LocalVolumeId } from '../convoy/ids.ts';
import type { CreateVolumeOptions } from '../convoy/options.ts';
import type { FsType } from '../system/api.ts';
import type { CreateVolumeInput, PoolConfig, SizeRange, VolumeUse } from './api.ts';
import { canonical, RECORD_VERSION, type SnapshotRecord, type VolumeRecord } from './records.ts';

/** What a new volume will be, decided before anything is written. */
export function planVolume(
  local: LocalVolumeId,
  input: CreateVolumeInput,
  config: PoolConfig,
  properties: DriverProperties,
  source: VolumeRecord | SnapshotRecord | undefined,
): VolumeRecord {
  checkUse(input.use, config.name, properties);
  checkDriverParameters(input.driverParameters, config, properties);
  const fsType = planFileSystem(input, config.name, properties, source);
  const { sizeBytes: asked, volumeName: _name, ...options } = input.options;
  // What is adopted keeps its size, unless a larger one is asked for; the driver says afterwards what it is.
  const adopted =
    input.options.volumeDriverId !== undefined && properties.sizeEnforced ? { requiredBytes: properties.minSizeBytes } : input.range;
  const isSizeAsked = input.range.requiredBytes !== undefined || input.range.limitBytes !== undefined;
  const range = asked !== undefined ? { requiredBytes: asked } : isSizeAsked ? input.range : adopted;
  return {
    version: RECORD_VERSION,
    kind: 'volume',
    id: local,
    name: input.name,
    state: 'pending',
    size: String(planSize(range, config, properties, source === undefined ? undefined : BigInt(source.size))),
    createdAt: new Date().toISOString(),
    use: input.use,
    ...(fsType === undefined ? {} : { fsType }),
    format: planFormat(input, properties, source),
    thin: config.thin,
    consistency: input.consistency ?? 'point-in-time',
    ...(input.source === undefined ? {} : { source: input.source }),
    options: options as VolumeRecord['options'],
    driverParameters: { ...input.driverParameters },
  };
}

/**
 * The size that a range comes to: at least what is asked, the source and the driver's minimum, rounded up to its unit; without
 * a request the source's size or the default. OutOfRange names both numbers when the limit is below.
 */
export function planSize(
  range: SizeRange,
  config: Pick<PoolConfig, 'name' | 'defaultSizeBytes'>,
  properties: DriverProperties,
  sourceBytes?: bigint,
): bigint {
  const { requiredBytes, limitBytes } = range;
  if (sourceBytes !== undefined && requiredBytes !== undefined && requiredBytes < sourceBytes)
    throw new ConvoyError(
      'OutOfRange',
      `required size ${requiredBytes} is smaller than the source, ${sourceBytes} bytes: ask for at least that`,
    );
  const unit = properties.sizeUnitBytes;
  const roundUp = (bytes: bigint): bigint => ((bytes + unit - 1n) / unit) * unit;
  const fallback = config.defaultSizeBytes ?? properties.defaultSizeBytes;
  const within = limitBytes !== undefined && limitBytes < fallback ? (limitBytes / unit) * unit : fallback;
  const wanted = requiredBytes ?? sourceBytes ?? within;
  const least = [wanted, sourceBytes ?? 0n, properties.minSizeBytes].reduce((a, b) => (a > b ? a : b));
  const size = roundUp(least);
  if (limitBytes !== undefined && size > limitBytes)
    throw new ConvoyError(
      'OutOfRange',
      `limit ${limitBytes} is below ${size} bytes, the smallest size that pool ${config.name} can make for this request (unit ${unit}, minimum ${properties.minSizeBytes})`,
    );
  if (size > INT64_MAX)
    throw new ConvoyError(
      'OutOfRange',
      `required size ${requiredBytes} is above ${INT64_MAX - unit}, the largest that can be rounded to the unit of ${unit} bytes`,
    );
  return size;
}
const INT64_MAX = (1n << 63n) - 1n;

/** Why a volume of this name cannot be the answer to this request; undefined when it can (CSI spec, CreateVolume, idempotency). */
export function conflict(record: VolumeRecord, planned: VolumeRecord, range: SizeRange): string | undefined {
  const size = BigInt(record.size);
  if (range.requiredBytes !== undefined && size < range.requiredBytes)
    return `it has ${size} bytes, asked are at least ${range.requiredBytes}`;
  if (range.limitBytes !== undefined && size > range.limitBytes) return `it has ${size} bytes, asked are at most ${range.limitBytes}`;
  const fields = ['use', 'fsType', 'source', 'options', 'driverParameters', 'consistency'] as const;
  for (const field of fields)
    if (canonical(record[field]) !== canonical(planned[field]))
      return `its ${field} is ${canonical(record[field])}, asked is ${canonical(planned[field])}`;
  return undefined;
}

/** The driver's typed options for a record: what a resumed create repeats. */
export function createOptions(record: VolumeRecord): CreateVolumeOptions {
  return {
    ...(record.options as Partial<CreateVolumeOptions>),
    sizeBytes: BigInt(record.size),
    volumeName: record.name,
    thin: record.thin,
    ...(record.fsType === undefined ? {} : { fileSystem: record.fsType }),
    ...(Object.keys(record.driverParameters).length === 0 ? {} : { driverParameters: record.driverParameters }),
  };
}

function checkUse(use: VolumeUse, pool: string, properties: DriverProperties): void {
  if (!use.block || properties.access === 'device') return;
  throw invalid(
    `volume_capabilities ask for a raw block device; pool ${pool} keeps directories and serves volumeMode Filesystem only: use a pool of driver loop`,
  );
}

function checkDriverParameters(parameters: Readonly<Record<string, string>>, config: PoolConfig, properties: DriverProperties): void {
  for (const key of Object.keys(parameters)) {
    const known = Object.keys(properties.parameters);
    if (!known.includes(key))
      throw invalid(
        `parameter ${JSON.stringify(key)} is not known to pool ${config.name}; ${known.length === 0 ? 'its driver has no parameters of its own' : `its driver knows ${known.join(', ')}`}`,
      );
    if (!config.allowParameters.includes(key))
      throw invalid(
        `parameter ${JSON.stringify(key)} may not be set for pool ${config.name}: its configuration does not list it in allowParameters`,
      );
  }
}

function planFileSystem(
  input: CreateVolumeInput,
  pool: string,
  properties: DriverProperties,
  source: VolumeRecord | SnapshotRecord | undefined,
): FsType | undefined {
  const asked = [input.use.fsType, input.options.fileSystem].filter((type) => type !== undefined && type !== '');
  const [first, second] = asked;
  if (first !== undefined && second !== undefined && first !== second)
    throw invalid(`fsType is ${JSON.stringify(first)} and FileSystem is ${JSON.stringify(second)}: give one, or the same`);
  if (properties.access === 'directory') {
    if (first !== undefined)
      throw invalid(`fsType is ${JSON.stringify(first)}; pool ${pool} keeps directories and makes no file system: leave it out`);
    return undefined;
  }
  const found = properties.fileSystems.find((type) => type === first);
  if (first !== undefined && found === undefined)
    throw invalid(`fsType is ${JSON.stringify(first)}; pool ${pool} makes ${properties.fileSystems.join(', ')}`);
  const inherited = source?.format === 'formatted' ? source.fsType : undefined;
  if (inherited !== undefined && found !== undefined && inherited !== found)
    throw invalid(`fsType is ${JSON.stringify(found)}, but the source holds ${inherited}: leave it out, or ask for ${inherited}`);
  return found ?? inherited ?? properties.fileSystems[0];
}

/** A copy is what its source is; what was handed out raw, or must not be formatted, never is. */
function planFormat(
  input: CreateVolumeInput,
  properties: DriverProperties,
  source: VolumeRecord | SnapshotRecord | undefined,
): VolumeRecord['format'] {
  if (properties.access === 'directory' || input.options.format === false || input.options.volumeDriverId !== undefined) return 'never';
  return source?.format ?? 'blank';
}
