import type {
  Access,
  AccessOperations,
  CapacityOperations,
  ConvoyDriver,
  DriverDeps,
  HealthOperations,
  VolumeDataOperations,
} from '../convoy/contract.ts';
import { defineDriver } from '../convoy/driver.ts';
import { ConvoyError, isConvoyError, notFound } from '../convoy/errors.ts';
import { assertLocalId, type LocalVolumeId, parseLocalId } from '../convoy/ids.ts';
import { refuseOptions } from '../convoy/options.ts';
import type { Driver, Volume } from './contract.ts';
import { mountUses } from './mount-uses.ts';
import { OneByOne } from './one-by-one.ts';
import type { StateDirectory } from './state-directory.ts';

/** Under which caller id the volumes of the adapted driver are mounted: one use, however many consumers there are. */
const CALLER = 'convoy';
const GIB = 1n << 30n;

export interface Adaptation {
  /** Where marker and records are, as the adapted contract has no place for them. */
  readonly state: StateDirectory;
  /** The driver's create options that a StorageClass may be allowed to set, each described for the docs. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly info: () => Promise<Readonly<Record<string, string>>>;
  /** Left out where the room under the volumes cannot be known. */
  readonly capacity?: CapacityOperations;
  /** Health of the storage under the volumes. */
  readonly storageHealth?: HealthOperations['storageHealth'];
  readonly close?: () => Promise<void>;
  readonly deps: DriverDeps;
}

/**
 * Serves a Docker volume driver as a ConvoyDriver with volumes only: no snapshot, clone, expand, trash or enforced size.
 * A volume's name is its local id. Each is a directory, at the path that the driver's `mount` gives.
 */
export function convoyFromVolumeDriver(driver: Driver, adaptation: Adaptation): ConvoyDriver {
  const { state, deps } = adaptation;
  return defineDriver({
    name: driver.name(),
    operations: {
      volume: volumeOperations(driver),
      access: new MountedVolumes(driver, deps),
      storage: state.storage,
      records: state.records,
      health: healthOperations(driver, adaptation.storageHealth ?? (async () => [])),
      ...(adaptation.capacity !== undefined && { capacity: adaptation.capacity }),
    },
    properties: {
      scope: driver.scope(),
      access: 'directory',
      sizeEnforced: false,
      sizeUnitBytes: 1n,
      minSizeBytes: 1n,
      defaultSizeBytes: GIB,
      fileSystems: [],
      sharesBlocks: false,
      instantCut: false,
      parameters: adaptation.parameters,
    },
    info: adaptation.info,
    close: async () => {
      await adaptation.close?.();
      await state.close();
    },
    deps,
  });
}

function volumeOperations(driver: Driver): VolumeDataOperations {
  return {
    createVolume: async (id, opts) => {
      assertLocalId(id, 'volume');
      refuseOptions(driver.name(), opts, ['driverParameters', 'thin']);
      await driver.create(id, opts.driverParameters ?? {});
    },
    deleteVolume: async (id, opts) => {
      assertLocalId(id, 'volume');
      if (opts.referenceOnly)
        throw new ConvoyError(
          'NotSupported',
          `driver ${driver.name()} cannot keep the data of a volume that is forgotten: copy it first, then delete the volume`,
        );
      const volume = await findVolume(driver, id);
      await volume?.unmount(CALLER);
      // Also when it is not there: the driver clears what an unfinished create left.
      await driver.remove(volume ?? absentVolume(driver, id));
      return {};
    },
    getVolumeInfo: async (id) => {
      assertLocalId(id, 'volume');
      const volume = await driver.get(id);
      const status = Object.entries(volume.status()).map(([key, value]) => [key, String(value)] as const);
      return { details: { ...Object.fromEntries(status), Path: volume.path(), Driver: volume.driverName() } };
    },
    listVolume: async () => (await driver.list()).map((volume) => parseLocalId(volume.name(), 'volume')).filter((id) => id !== undefined),
  };
}

/**
 * Docker's mount is kept while somebody holds it here or a bind of it is in the mount table, so that two consumers always
 * see the same file system (a second mount of a tmpfs would be another one).
 */
class MountedVolumes implements AccessOperations {
  readonly #driver: Driver;
  readonly #deps: DriverDeps;
  readonly #turns = new OneByOne();
  readonly #holds = new Map<LocalVolumeId, number>();

  constructor(driver: Driver, deps: DriverDeps) {
    this.#driver = driver;
    this.#deps = deps;
  }

  async openAccess(id: LocalVolumeId): Promise<Access> {
    assertLocalId(id, 'volume');
    return this.#turns.run(id, async () => {
      const volume = await this.#driver.get(id);
      const path = await volume.mount(CALLER);
      this.#holds.set(id, this.#held(id) + 1);
      let open = true;
      const close = async (): Promise<void> => {
        if (!open) return;
        open = false;
        await this.#turns.run(id, async () => {
          this.#holds.set(id, this.#held(id) - 1);
          await this.#release(volume, path);
        });
      };
      return { kind: 'directory', path, close };
    });
  }

  async devices(): Promise<readonly string[]> {
    return [];
  }

  async releaseUnused(id: LocalVolumeId): Promise<void> {
    assertLocalId(id, 'volume');
    await this.#turns.run(id, async () => {
      const volume = await findVolume(this.#driver, id);
      if (volume === undefined) return;
      await this.#release(volume, volume.path());
    });
  }

  async #release(volume: Volume, path: string): Promise<void> {
    const id = volume.name() as LocalVolumeId;
    if (this.#held(id) > 0) return;
    this.#holds.delete(id);
    if (path !== '') {
      const { below, elsewhere } = mountUses(await this.#deps.system.mounts.list(), path);
      if (below.length > 0 || elsewhere.length > 0) return;
    }
    try {
      await volume.unmount(CALLER);
    } catch (error) {
      // Not a failure of the call that has just ended its use: the next one, or the sweep, tries again.
      this.#deps.log.warn({ volume_id: id, driver: this.#driver.name(), error: String(error) }, 'the volume could not be released');
    }
  }

  #held(id: LocalVolumeId): number {
    return this.#holds.get(id) ?? 0;
  }
}

function healthOperations(driver: Driver, storageHealth: HealthOperations['storageHealth']): HealthOperations {
  return {
    storageHealth,
    volumeHealth: async (id) => {
      const volume = await findVolume(driver, id);
      return volume === undefined
        ? [
            {
              status: 'DataLoss',
              reason: 'VolumeMissing',
              message: `driver ${driver.name()} does not have volume ${id}: restore it from a backup`,
            },
          ]
        : [];
    },
  };
}

async function findVolume(driver: Driver, id: LocalVolumeId): Promise<Volume | undefined> {
  try {
    return await driver.get(id);
  } catch (error) {
    if (isConvoyError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** What `remove` is given for a volume that is not there; a driver needs no more of it than the name. */
function absentVolume(driver: Driver, name: string): Volume {
  const absent = (): never => {
    throw notFound(`volume ${name}`);
  };
  return {
    name: () => name,
    driverName: () => driver.name(),
    path: () => '',
    mount: absent,
    unmount: async () => {},
    createdAt: absent,
    status: () => ({}),
  };
}
