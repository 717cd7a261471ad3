import { isAbsolute, normalize } from 'node:path';
import { invalid } from '../convoy/errors.ts';
import { type CreateVolumeOptions, parseBoolean, parseSize, refuseOptions } from '../convoy/options.ts';

/** Options that every driver whose pool is a directory has, by their last part. */
export interface DirectoryOptions {
  readonly path: string;
  readonly requireMount: boolean;
  readonly defaultSizeBytes: bigint;
}

/** 1 GiB, not Convoy's 100 GiB: a pool promises no more than it has, so a large default would fill a small disk with promises. */
const DEFAULT_SIZE = '1Gi';

/**
 * Parses `<driver>.path`, `<driver>.defaultvolumesize`, `<driver>.requiremount` and takes `extra` keys as known.
 * InvalidArgument names a key that is unknown, missing or malformed.
 */
export function parseDirectoryOptions(
  driver: string,
  config: Readonly<Record<string, string>>,
  extra: readonly string[] = [],
): DirectoryOptions {
  const known = ['path', 'defaultvolumesize', 'requiremount', ...extra].map((key) => `${driver}.${key}`);
  for (const key of Object.keys(config)) {
    if (!known.includes(key))
      throw invalid(`driver ${driver} has no option ${JSON.stringify(key.slice(0, 64))}; it has ${known.join(', ')}`);
  }
  const pathKey = `${driver}.path`;
  const path = config[pathKey];
  if (path === undefined || path === '') throw invalid(`driver ${driver} needs option ${pathKey}: the directory that the pool is kept in`);
  if (!isAbsolute(path) || path.includes('\0'))
    throw invalid(`${pathKey} is ${JSON.stringify(path.slice(0, 256))}; it must be an absolute path`);
  const sizeKey = `${driver}.defaultvolumesize`;
  const defaultSizeBytes = parseSize(sizeKey, config[sizeKey] ?? DEFAULT_SIZE);
  if (defaultSizeBytes === 0n) throw invalid(`${sizeKey} is 0; it must be a size above 0`);
  const mountKey = `${driver}.requiremount`;
  return {
    path: withoutTrailingSlash(normalize(path)),
    requireMount: parseBoolean(mountKey, config[mountKey] ?? 'false'),
    defaultSizeBytes,
  };
}

/** Descriptions of these options for `DriverDescription.options`. */
export function describeDirectoryOptions(driver: string): Readonly<Record<string, string>> {
  return {
    [`${driver}.path`]: 'Directory that holds the pool. Required; absolute, existing, without symbolic links.',
    [`${driver}.defaultvolumesize`]: `Size of a volume for which none is asked (default ${DEFAULT_SIZE}).`,
    [`${driver}.requiremount`]:
      'true: the directory must itself be a mount point, so that a disk that is not mounted makes the pool unavailable (default false).',
  };
}

/** Refuses, by name, what of createVolume's options this driver has no use for. Options of a clone may come with it. */
export function checkCreateOptions(driver: string, opts: CreateVolumeOptions, supported: readonly (keyof CreateVolumeOptions)[]): void {
  const { driverParameters, ...others } = { ...opts, consistency: undefined };
  const given = driverParameters !== undefined && Object.keys(driverParameters).length > 0;
  refuseOptions(driver, given ? { ...others, driverParameters } : others, supported);
}

const withoutTrailingSlash = (path: string): string => (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);
