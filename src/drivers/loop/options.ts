import { ConvoyError, invalid } from '../../convoy/errors.ts';
import { type DirectoryOptions, describeDirectoryOptions, parseDirectoryOptions } from '../../directory/options.ts';
import { FS_TYPES, type FsType } from '../../system/api.ts';

export interface LoopOptions extends DirectoryOptions {
  /** Made on a volume for which no file system is asked. */
  readonly fileSystem: FsType;
}

const MIB = 1n << 20n;
/**
 * Smallest image for a file system. ext4: from here on with a journal, and room beside it. xfs: mkfs.xfs(8) has refused
 * less than 300 MiB since 5.19.
 */
const MIN_BYTES: Readonly<Record<FsType, bigint>> = { ext4: 16n * MIB, xfs: 300n * MIB };

export function parseLoopOptions(driver: string, config: Readonly<Record<string, string>>): LoopOptions {
  const key = `${driver}.fs`;
  const asked = config[key] ?? 'ext4';
  const fileSystem = FS_TYPES.find((type) => type === asked);
  if (fileSystem === undefined) throw invalid(`${key} is ${JSON.stringify(asked.slice(0, 32))}; allowed are ${FS_TYPES.join(', ')}`);
  return { ...parseDirectoryOptions(driver, config, ['fs']), fileSystem };
}

export function describeLoopOptions(driver: string): Readonly<Record<string, string>> {
  return {
    ...describeDirectoryOptions(driver),
    [`${driver}.fs`]: `File system of a volume for which none is asked: ${FS_TYPES.join(' or ')} (default ext4).`,
  };
}

export const minBytesOf = (fileSystem: FsType): bigint => MIN_BYTES[fileSystem];

/** OutOfRange when the file system that is asked cannot be made in so few bytes: better now than when a pod waits for its mount. */
export function checkFits(fileSystem: string | undefined, sizeBytes: bigint): void {
  if (fileSystem === undefined) return;
  const type = FS_TYPES.find((known) => known === fileSystem);
  if (type === undefined) throw invalid(`FileSystem is ${JSON.stringify(fileSystem.slice(0, 32))}; allowed are ${FS_TYPES.join(', ')}`);
  if (sizeBytes < MIN_BYTES[type])
    throw new ConvoyError(
      'OutOfRange',
      `size ${sizeBytes} is too small for ${type}, which needs ${MIN_BYTES[type]} bytes: ask for at least that, or for another FileSystem`,
    );
}
