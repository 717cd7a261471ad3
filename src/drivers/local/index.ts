import type { DriverDeps, InitFunc } from '../../convoy/contract.ts';
import { ConvoyError, fromErrno, invalid } from '../../convoy/errors.ts';
import type { DriverDescription, DriverRegistry } from '../../convoy/registry.ts';
import { DefaultDriverName } from '../../volume/contract.ts';
import { convoyFromVolumeDriver } from '../../volume/convoy-from-volume-driver.ts';
import { stateDirectory } from '../../volume/state-directory.ts';
import { LocalDriver } from './local-driver.ts';
import { type MountOptions, needsMount, parseMountOptions } from './mount-options.ts';

export const NAME = DefaultDriverName;

const PARAMETERS = {
  type: 'file system type that mount(8) is given; needs device',
  o: 'comma-separated options that mount(8) is given; needs type and device',
  device: 'what mount(8) mounts at the volume; needs type. Can name anything on the host: allow it only to whom you trust as root',
} as const;

const description: DriverDescription = {
  summary: "Docker's local driver: directories, or whatever mount(8) can mount. Sizes are not enforced, no snapshots.",
  binaries: ['mount', 'umount'],
  options: {
    'local.path': 'absolute path of an existing directory for the volumes; required',
    'local.type': `type of every volume for which none is given: ${PARAMETERS.type}`,
    'local.o': `o of every volume for which none is given: ${PARAMETERS.o}`,
    'local.device':
      'device of every volume for which none is given; needs local.type. One device shows the same files in every volume (a tmpfs is made anew for each)',
  },
};

/** Makes the `local` driver of a pool. Marker and records are kept beside the volumes, at `local.path`. */
const init: InitFunc = async (_root, config, deps) => {
  const { path, defaults } = parseConfig(config);
  const driver = new LocalDriver(deps.system, path, defaults);
  let clearing: Promise<void> = Promise.resolve();
  const state = stateDirectory(deps.system.files, path, {
    folders: [LocalDriver.FOLDER],
    managed: () => {
      clearing = clearInBackground(driver, deps);
    },
  });
  return convoyFromVolumeDriver(driver, {
    state,
    parameters: PARAMETERS,
    info: async () => ({ Driver: driver.name(), Path: path, Scope: driver.scope(), SizeEnforced: 'false', ...withPrefix(defaults) }),
    // What is mounted at the volumes has room of its own, which is not known before.
    ...(!needsMount(defaults) && { capacity: { capacity: () => capacityOf(deps, path) } }),
    close: () => clearing,
    deps,
  });
};

export function register(registry: DriverRegistry): void {
  registry.register(NAME, init, description);
}

function parseConfig(config: Readonly<Record<string, string>>): { readonly path: string; readonly defaults: MountOptions } {
  const { 'local.path': path, ...rest } = config;
  for (const key of Object.keys(rest))
    if (!(key in description.options))
      throw invalid(`option ${JSON.stringify(key)} is not known to driver local; known are ${Object.keys(description.options).join(', ')}`);
  if (path === undefined || !path.startsWith('/'))
    throw invalid(`option local.path is ${JSON.stringify(path ?? '')}; it must be the absolute path of a directory`);
  return {
    path,
    defaults: parseMountOptions(Object.fromEntries(Object.entries(rest).map(([key, value]) => [key.slice('local.'.length), value]))),
  };
}

async function clearInBackground(driver: LocalDriver, deps: DriverDeps): Promise<void> {
  try {
    await driver.clearLeftovers();
  } catch (error) {
    // A pool that is not made yet has no layout and so no left-overs.
    if (!(error instanceof ConvoyError && error.code === 'Unavailable'))
      deps.log.warn({ driver: driver.name(), error: String(error) }, 'left-overs could not be cleared');
  }
}

async function capacityOf(deps: DriverDeps, path: string): Promise<{ totalBytes: bigint; availableBytes: bigint }> {
  try {
    return await deps.system.files.stats(path);
  } catch (error) {
    throw fromErrno(error, `measuring ${path}`);
  }
}

const withPrefix = (options: MountOptions): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(options).filter(([key]) => key !== 'o'));
