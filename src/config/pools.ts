import { join, normalize } from 'node:path';
import { invalid } from '../convoy/errors.ts';
import { isPoolName } from '../convoy/ids.ts';
import { parseSize } from '../convoy/options.ts';
import type { PoolConfig } from '../pool/api.ts';
import type { KnownDrivers } from './config.ts';
import { parseDuration } from './duration.ts';
import type { PoolFile } from './schema.ts';
import { checkSegments } from './topology.ts';

/** Slower than this a copy would not end; a forgotten unit (`bandwidth: 10`) would be taken for a hang. */
const MIN_BANDWIDTH_BYTES = 64n << 10n;

/** Pools as the config file's `pools` has them, defaults filled in. */
export function poolsOfFile(pools: readonly PoolFile[], driverName: string): readonly PoolConfig[] {
  return pools.map((pool, index) => poolOfFile(pool, `pools[${index}]`, driverName));
}

/** One pool for each driver named on the command line, in Convoy's manner: named after the driver, made by itself. */
export function poolsOfDrivers(names: readonly string[], options: readonly string[], drivers: KnownDrivers): readonly PoolConfig[] {
  const pools = names.map((name): PoolConfig & { readonly options: Record<string, string> } => {
    if (!drivers.names().includes(name)) throw invalid(`--drivers ${name}: no such driver; known are ${drivers.names().join(', ')}`);
    return { ...DEFAULTS, name, driver: name, init: 'auto', options: {} };
  });
  for (const option of options) addDriverOption(pools, option, drivers);
  return pools;
}

/** The pool of a daemon that was told of none: directories under the root. */
export function quickStartPool(root: string): { readonly pool: PoolConfig; readonly directory: string } {
  const directory = join(root, 'pools', 'vfs');
  return { pool: { ...DEFAULTS, name: 'vfs', driver: 'vfs', init: 'auto', options: { 'vfs.path': directory } }, directory };
}

/** What can be known to be wrong without touching any storage. InvalidArgument. */
export function checkPools(
  pools: readonly PoolConfig[],
  root: string,
  drivers: KnownDrivers,
  { overlap }: { readonly overlap: boolean },
): void {
  pools.forEach((pool, index) => {
    const where = `pool ${JSON.stringify(pool.name)}`;
    if (!isPoolName(pool.name))
      throw invalid(`${where}: the name must be 1 to 20 of a-z, 0-9 and -, beginning with a letter, and not "global"`);
    if (pools.findIndex((other) => other.name === pool.name) !== index)
      throw invalid(`${where} is configured twice: names of pools are unique`);
    if (!drivers.names().includes(pool.driver))
      throw invalid(`${where}: driver ${JSON.stringify(pool.driver)} is not known; known are ${drivers.names().join(', ')}`);
    const known = Object.keys(drivers.get(pool.driver).description.options);
    for (const option of Object.keys(pool.options))
      if (!known.includes(option))
        throw invalid(`${where}: ${JSON.stringify(option)} is no option of driver ${pool.driver}; allowed are ${known.join(', ')}`);
  });
  if (overlap) checkOverlap(pools, root);
}

const DEFAULTS = {
  init: 'manual',
  overcommit: 1,
  thin: false,
  onDelete: 'delete',
  trashRetentionMs: 0,
  maxJobs: 2,
  allowParameters: [],
} as const satisfies Partial<PoolConfig>;

function poolOfFile(pool: PoolFile, where: string, driverName: string): PoolConfig {
  const size = (key: 'defaultVolumeSize' | 'bandwidth'): bigint | undefined => {
    const value = pool[key];
    return value === undefined ? undefined : parseSize(`${where}.${key}`, String(value));
  };
  const defaultSizeBytes = size('defaultVolumeSize');
  const bandwidth = size('bandwidth');
  if (bandwidth !== undefined && bandwidth < MIN_BANDWIDTH_BYTES)
    throw invalid(`${where}.bandwidth is ${bandwidth} bytes a second; the least is 64Ki`);
  const segments = checkSegments(`${where}.segments`, pool.segments ?? {}, driverName);
  if (defaultSizeBytes === 0n) throw invalid(`${where}.defaultVolumeSize is 0; leave it out for the driver's own`);
  return {
    name: pool.name,
    driver: pool.driver,
    options: Object.fromEntries(Object.entries(pool.options ?? {}).map(([key, value]) => [key, String(value)])),
    init: pool.init ?? DEFAULTS.init,
    overcommit: pool.overcommit ?? DEFAULTS.overcommit,
    thin: pool.thin ?? DEFAULTS.thin,
    onDelete: pool.onDelete ?? DEFAULTS.onDelete,
    trashRetentionMs: parseDuration(`${where}.trashRetention`, pool.trashRetention ?? '0'),
    ...(defaultSizeBytes === undefined ? {} : { defaultSizeBytes }),
    maxJobs: pool.maxJobs ?? DEFAULTS.maxJobs,
    ...(bandwidth === undefined ? {} : { bandwidth: Number(bandwidth) }),
    allowParameters: pool.allowParameters ?? DEFAULTS.allowParameters,
    // None at all is from everywhere, as without.
    ...(Object.keys(segments).length === 0 ? {} : { segments }),
  };
}

/** `key=value`, split at the first `=` (Convoy split at each, and then dropped all options); it goes to the driver that has the key. */
function addDriverOption(
  pools: readonly { readonly driver: string; readonly options: Record<string, string> }[],
  option: string,
  drivers: KnownDrivers,
): void {
  const [, key, value] = /^([^=\s]+)=(.+)$/s.exec(option) ?? [];
  if (key === undefined || value === undefined)
    throw invalid(`--driver-opts ${JSON.stringify(option)} is malformed; allowed is KEY=VALUE, such as vfs.path=/srv/volumes`);
  const takers = pools.filter((pool) => Object.hasOwn(drivers.get(pool.driver).description.options, key));
  if (takers.length === 0) {
    const allowed = pools.flatMap((pool) => Object.keys(drivers.get(pool.driver).description.options));
    throw invalid(`--driver-opts ${key}: no option of ${pools.map((pool) => pool.driver).join(', ')}; allowed are ${allowed.join(', ')}`);
  }
  for (const taker of takers) {
    if (Object.hasOwn(taker.options, key)) throw invalid(`--driver-opts ${key} is given twice`);
    taker.options[key] = value;
  }
}

/** By text alone; links and bind mounts are found by the pool layer when it opens them. */
function checkOverlap(pools: readonly PoolConfig[], root: string): void {
  const places: { readonly pool: string; readonly path: string }[] = [];
  for (const pool of pools) {
    for (const [key, value] of Object.entries(pool.options)) {
      if (!key.endsWith('.path') || !value.startsWith('/')) continue;
      const path = trimSlash(normalize(value));
      if (contains(path, root))
        throw invalid(`pool "${pool.name}": ${key} ${path} holds convoy's own state (root ${root}); give the pool a directory of its own`);
      const other = places.find((place) => contains(place.path, path) || contains(path, place.path));
      if (other !== undefined)
        throw invalid(`pools "${other.pool}" and "${pool.name}" overlap: ${other.path} and ${path}; give each pool a directory of its own`);
      places.push({ pool: pool.name, path });
    }
  }
}

const trimSlash = (path: string): string => (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);
const contains = (outer: string, inner: string): boolean => inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`);
