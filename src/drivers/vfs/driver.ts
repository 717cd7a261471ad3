import { chmod, lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  AccessOperations,
  CallContext,
  CloneOperations,
  Consistency,
  ConvoyDriver,
  DriverDeps,
  ExpandOperations,
  SnapshotOperations,
  VolumeDataOperations,
} from '../../convoy/contract.ts';
import { defineDriver } from '../../convoy/driver.ts';
import { ConvoyError, isErrno } from '../../convoy/errors.ts';
import type { LocalId, ObjectKind } from '../../convoy/ids.ts';
import { type CreateVolumeOptions, OPTION } from '../../convoy/options.ts';
import { DirectoryPool } from '../../directory/directory-pool.ts';
import { copyCall, unlessAbsent } from '../../directory/failures.ts';
import { checkCreateOptions } from '../../directory/options.ts';
import type { System } from '../../system/api.ts';
import type { VfsOptions } from './options.ts';

/**
 * Who is given the volume may write to it, as whatever user its containers run (README.md, "Ownership"). The directories
 * above are root's alone, so nobody else on the host gets to it.
 */
const VOLUME_MODE = 0o777;
const DISK_MODE = 0o666;
const DISK = 'disk.img';
/** A directory is copied again where it changed, so often (docs/architecture.md, "Point in time"). */
const MAX_ROUNDS = 5;

interface Vfs {
  readonly name: string;
  readonly pool: DirectoryPool;
  readonly system: System;
}

/** Volumes are directories of the pool's file system; snapshots and clones are verified copies of them. */
export function createVfsDriver(name: string, options: VfsOptions, deps: DriverDeps): ConvoyDriver {
  const { system } = deps;
  const { scope, path, requireMount } = options;
  const isShared = scope === 'global';
  const pool = new DirectoryPool(system, { driver: name, shape: 'directory', path, requireMount, isShared });
  const vfs: Vfs = { name, pool, system };
  return defineDriver({
    name,
    deps,
    operations: {
      volume: volumeOperations(vfs),
      access: accessOperations(vfs),
      storage: pool.storage,
      records: pool.records,
      trash: pool.trash,
      snapshot: snapshotOperations(vfs),
      clone: cloneOperations(vfs),
      expand: expandOperations(vfs),
      capacity: pool.capacity,
      health: pool.health(),
      ...(isShared ? { holders: pool.holders } : {}),
    },
    properties: {
      scope,
      access: 'directory',
      sizeEnforced: false,
      sizeUnitBytes: 1n,
      minSizeBytes: 1n,
      defaultSizeBytes: options.defaultSizeBytes,
      fileSystems: [],
      get sharesBlocks() {
        return pool.sharesBlocks;
      },
      instantCut: false,
      parameters: {},
    },
    info: async () => ({
      Path: path,
      Scope: scope,
      DefaultVolumeSize: String(options.defaultSizeBytes),
      RequireMount: String(requireMount),
      ...(pool.storage.sharesBlocks === undefined ? {} : { SharesBlocks: String(pool.sharesBlocks) }),
      SizeEnforced: 'false',
    }),
    close: async () => await pool.close(),
  });
}

function volumeOperations(vfs: Vfs): VolumeDataOperations {
  const { contents, imports } = vfs.pool;
  const { files } = vfs.system;
  return {
    createVolume: async (id, opts, call) => {
      checkCreateOptions(vfs.name, opts, ['volumeDriverId', 'prepareForVm', 'thin']);
      if (opts.volumeDriverId !== undefined)
        return await imports.adopt(id, opts.volumeDriverId, async (path) => await prepareForVm(vfs, path, opts));
      await contents.fill('volume', id, `creating volume ${id}`, call, async (path) => {
        await files.mkdirDurable(path, VOLUME_MODE);
        await prepareForVm(vfs, path, opts);
        await files.syncDirectory(path);
      });
    },
    deleteVolume: async (id, { referenceOnly }, call) => {
      const keptAs = referenceOnly ? await imports.release(id) : await imports.giveBack(id);
      await contents.destroy('volume', id, call);
      return keptAs === undefined ? {} : { keptAs };
    },
    getVolumeInfo: async (id) => {
      const { path } = await contents.require('volume', id);
      return { details: { Path: path } };
    },
    listVolume: async () => await contents.list('volume'),
  };
}

function accessOperations({ name, pool }: Vfs): AccessOperations {
  return {
    openAccess: async (id, { raw }) => {
      if (raw)
        throw new ConvoyError(
          'NotSupported',
          `volume ${id} is a directory: driver ${name} has no raw block volumes; use a pool of driver loop`,
        );
      await pool.storage.assertSame();
      const { path } = await pool.contents.require('volume', id);
      return { kind: 'directory', path, close: async () => {} };
    },
    devices: async () => [],
    releaseUnused: async () => {},
  };
}

function snapshotOperations(vfs: Vfs): SnapshotOperations {
  const { contents } = vfs.pool;
  return {
    name: () => vfs.name,
    createSnapshot: async (id, volumeID, { consistency }, call) => {
      const { path } = await contents.require('volume', volumeID);
      await copy(vfs, { kind: 'snapshot', id, from: path, consistency, doing: `taking snapshot ${id} of volume ${volumeID}` }, call);
    },
    deleteSnapshot: async (id, _volumeID, call) => await contents.destroy('snapshot', id, call),
    getSnapshotInfo: async (id, volumeID) => {
      const { path } = await contents.require('snapshot', id);
      return { details: { FilePath: path, VolumeUUID: volumeID } };
    },
    listSnapshot: async () => await contents.list('snapshot'),
  };
}

function cloneOperations(vfs: Vfs): CloneOperations {
  const { contents } = vfs.pool;
  return {
    restoreSnapshot: async (id, snapshotID, _volumeID, opts, call) => {
      checkCreateOptions(vfs.name, opts, ['prepareForVm', 'thin']);
      const { path } = await contents.require('snapshot', snapshotID);
      // Nobody writes to a snapshot: one pass is an instant.
      await copy(
        vfs,
        { kind: 'volume', id, from: path, consistency: 'files', opts, doing: `restoring snapshot ${snapshotID} to volume ${id}` },
        call,
      );
    },
    cloneVolume: async (id, sourceID, opts, call) => {
      checkCreateOptions(vfs.name, opts, ['prepareForVm', 'thin']);
      const { path } = await contents.require('volume', sourceID);
      await copy(
        vfs,
        { kind: 'volume', id, from: path, consistency: opts.consistency, opts, doing: `cloning volume ${sourceID} to volume ${id}` },
        call,
      );
    },
  };
}

function expandOperations({ pool }: Vfs): ExpandOperations {
  return {
    /** Nothing grows: a size is a promise. One that the whole disk could not keep is refused. */
    expandVolume: async (id, sizeBytes) => {
      await pool.contents.require('volume', id);
      const { totalBytes } = await pool.capacity.capacity();
      if (sizeBytes > totalBytes)
        throw new ConvoyError(
          'NoSpace',
          `volume ${id} cannot grow to ${sizeBytes} bytes: the file system at ${pool.layout.root} has ${totalBytes}`,
        );
    },
  };
}

interface Copy {
  readonly kind: ObjectKind;
  readonly id: LocalId;
  readonly from: string;
  readonly consistency: Consistency;
  readonly opts?: CreateVolumeOptions;
  readonly doing: string;
}

async function copy(vfs: Vfs, { kind, id, from, consistency, opts, doing }: Copy, call: CallContext): Promise<void> {
  const make = async (to: string): Promise<void> => {
    const result = await vfs.system.trees.copy(from, to, { maxRounds: consistency === 'files' ? 0 : MAX_ROUNDS, ...copyCall(call) });
    if (result.kind === 'unstable')
      throw new ConvoyError(
        'Precondition',
        `${doing}: ${JSON.stringify(result.path.slice(0, 256))} kept changing through ${result.rounds} rounds of copying: stop writing meanwhile, set "consistency: files" if files of different instants will do, or use a pool of driver loop`,
      );
    if (opts !== undefined) await prepareForVm(vfs, to, opts);
  };
  await vfs.pool.contents.fill(kind, id, doing, call, async (to) => await naming(make(to), doing));
}

/** A mount inside a volume is not the volume's data: copying around it would make a copy with a hole. */
async function naming(work: Promise<void>, doing: string): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isErrno(error, 'EXDEV')) throw error;
    throw new ConvoyError(
      'Precondition',
      `${doing}: something is mounted inside, at ${error.path ?? 'a path below'}: unmount it, then try again`,
      { cause: error },
    );
  }
}

/** A sparse disk of the volume's size, made once: what is there is the guest's and stays as it is. */
async function prepareForVm({ system }: Vfs, volumePath: string, opts: CreateVolumeOptions): Promise<void> {
  if (opts.prepareForVm !== true) return;
  const disk = join(volumePath, DISK);
  const found = await unlessAbsent(lstat(disk), `looking at ${disk}`);
  if (found?.isFile() === true) return;
  if (found !== undefined)
    throw new ConvoyError(
      'Precondition',
      `option ${OPTION.PrepareForVM} needs the name ${DISK}, but ${disk} is no regular file: remove it, or leave the option out`,
    );
  await system.files.createImage(disk, opts.sizeBytes, { thin: true, mode: DISK_MODE });
  await chmod(disk, DISK_MODE); // the mode given before is cut by the umask
}
