import { ConvoyError, invalid } from './errors.ts';

/**
 * Convoy's option keys, by their wire names, and what each means here. A key is honoured by every driver it makes
 * sense for and refused, by name, by the others (`refuseOptions`); none is silently ignored.
 */
export const OPTION = {
  /** mountVolume: absolute directory to mount at, which must exist; absent = a path under the root. Reported back by info. */
  MountPoint: 'MountPoint',
  /** createVolume: bytes, or a number with K, M, G, T, P (binary) or Ki…Pi. Reported back in bytes. */
  Size: 'Size',
  /** createVolume: `false` = never make a file system on this volume, even if it is blank. Default `true`. (Dead in Convoy.) */
  Format: 'Format',
  /** Output: the volume's id. As input it must equal the id that the name gives. */
  VolumeUUID: 'VolumeUUID',
  /** The volume's name. In listSnapshot: only snapshots of this volume. */
  VolumeName: 'VolumeName',
  /** createVolume: adopt this existing object of the storage instead of making one (docs/parameters.md, "Adopting"). */
  VolumeDriverID: 'VolumeDriverID',
  /** createVolume: the storage's own class of volume (a cloud's disk type). */
  VolumeType: 'VolumeType',
  /** createVolume: provisioned I/O operations a second, for a VolumeType that has them. */
  VolumeIOPS: 'VolumeIOPS',
  /** Output: RFC 3339. */
  VolumeCreatedAt: 'VolumeCreatedAt',
  /** The snapshot's name. */
  SnapshotName: 'SnapshotName',
  /** Output: RFC 3339, the instant of the cut. */
  SnapshotCreatedAt: 'SnapshotCreatedAt',
  /** createVolume: file system to make on a device (`ext4`, `xfs`). Reported back. */
  FileSystem: 'FileSystem',
  /** createVolume: restore this backup into the new volume. */
  BackupURL: 'BackupURL',
  /** deleteVolume: forget the volume, keep its data where VolumeDriverID can adopt it again. */
  ReferenceOnly: 'ReferenceOnly',
  /** createVolume: put a file `disk.img` of the volume's size into the (directory) volume, for a virtual machine to boot from. */
  PrepareForVM: 'PrepareForVM',
} as const;
export type OptionKey = keyof typeof OPTION;

/** Keys that a StorageClass may set; the others are the admin's (CLI) or output only. Never MountPoint or ReferenceOnly. */
export const STORAGE_CLASS_OPTIONS: readonly OptionKey[] = ['Format', 'FileSystem', 'VolumeType', 'VolumeIOPS', 'PrepareForVM'];

/** Typed options of createVolume. Wire strings are parsed once, where they come in; a driver never sees them. */
export interface CreateVolumeOptions {
  /** Bytes, already rounded to what the driver's properties ask for. */
  readonly sizeBytes: bigint;
  readonly volumeName?: string;
  readonly fileSystem?: string;
  readonly format?: boolean;
  readonly volumeDriverId?: string;
  readonly volumeType?: string;
  readonly volumeIops?: number;
  readonly backupUrl?: string;
  readonly prepareForVm?: boolean;
  /** Reserve no space ahead (`thin` of the pool). */
  readonly thin?: boolean;
  /** Driver-specific parameters that its `parameters` property lists (Docker's type, o, device for `local`). */
  readonly driverParameters?: Readonly<Record<string, string>>;
}

/** What of createVolume's options, as wire strings, a user may give. */
export interface ParsedCreateOptions extends Omit<CreateVolumeOptions, 'sizeBytes' | 'thin'> {
  readonly sizeBytes?: bigint;
}

const UNITS: Readonly<Record<string, bigint>> = { '': 1n, K: 1n << 10n, M: 1n << 20n, G: 1n << 30n, T: 1n << 40n, P: 1n << 50n };
const INT64_MAX = (1n << 63n) - 1n;

/** Bytes from `1073741824`, `1G`, `1Gi`; throws InvalidArgument naming `field`. Bounded by int64, as CSI's sizes are. */
export function parseSize(field: string, text: string): bigint {
  const [, digits, unit] = /^(\d{1,19})(?:([KMGTP])i?B?)?$/.exec(text.trim()) ?? [];
  const factor = UNITS[unit ?? ''];
  if (digits === undefined || factor === undefined)
    throw invalid(`${field} is ${quote(text)}; allowed are bytes or a number with Ki, Mi, Gi, Ti or Pi, such as 10Gi`);
  const bytes = BigInt(digits) * factor;
  if (bytes > INT64_MAX) throw invalid(`${field} is ${quote(text)}; the largest size is ${INT64_MAX} bytes`);
  return bytes;
}

export function parseBoolean(field: string, text: string): boolean {
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw invalid(`${field} is ${quote(text)}; allowed are true and false`);
}

/**
 * Parses createVolume options by their wire names. `allowed` is who asks: a StorageClass or an admin.
 * An unknown or disallowed key is InvalidArgument naming it and what is allowed.
 */
export function parseCreateOptions(wire: Readonly<Record<string, string>>, allowed: readonly OptionKey[]): ParsedCreateOptions {
  const parsed: { -readonly [K in keyof ParsedCreateOptions]: ParsedCreateOptions[K] } = {};
  for (const [key, value] of Object.entries(wire)) {
    if (!(allowed as readonly string[]).includes(key))
      throw invalid(`option ${quote(key)} is not allowed here; allowed are ${allowed.join(', ')}`);
    switch (key as OptionKey) {
      case 'Size':
        parsed.sizeBytes = parseSize(key, value);
        break;
      case 'Format':
        parsed.format = parseBoolean(key, value);
        break;
      case 'PrepareForVM':
        parsed.prepareForVm = parseBoolean(key, value);
        break;
      case 'VolumeIOPS':
        parsed.volumeIops = parseCount(key, value);
        break;
      case 'FileSystem':
        parsed.fileSystem = value;
        break;
      case 'VolumeDriverID':
        parsed.volumeDriverId = value;
        break;
      case 'VolumeType':
        parsed.volumeType = value;
        break;
      case 'BackupURL':
        parsed.backupUrl = value;
        break;
      case 'VolumeName':
        parsed.volumeName = value;
        break;
      default:
        throw invalid(`option ${quote(key)} is an output or belongs to another call; createVolume does not take it`);
    }
  }
  return parsed;
}

/** Throws NotSupported naming the first option that is set but that this driver has no use for. */
export function refuseOptions(
  driver: string,
  options: Partial<CreateVolumeOptions>,
  supported: readonly (keyof CreateVolumeOptions)[],
): void {
  for (const [key, value] of Object.entries(options) as [keyof CreateVolumeOptions, unknown][]) {
    if (value === undefined || ALWAYS.includes(key) || supported.includes(key) || (key === 'prepareForVm' && value === false)) continue;
    throw new ConvoyError(
      'NotSupported',
      `driver ${driver} has no use for option ${WIRE[key] ?? key}: leave it out, or use a pool of a driver that has`,
    );
  }
}

const ALWAYS: readonly (keyof CreateVolumeOptions)[] = ['sizeBytes', 'volumeName', 'thin'];
const WIRE: Partial<Record<keyof CreateVolumeOptions, OptionKey>> = {
  fileSystem: 'FileSystem',
  format: 'Format',
  volumeDriverId: 'VolumeDriverID',
  volumeType: 'VolumeType',
  volumeIops: 'VolumeIOPS',
  backupUrl: 'BackupURL',
  prepareForVm: 'PrepareForVM',
};

function parseCount(field: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw invalid(`${field} is ${quote(text)}; allowed is a whole number`);
  return Number(text);
}

const quote = (text: string): string => JSON.stringify(text.slice(0, 128));
