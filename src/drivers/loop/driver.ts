import type { BigIntStats, Stats } from 'node:fs';
import { chmod, chown } from 'node:fs/promises';
import type {
  AccessOperations,
  CallContext,
  CloneOperations,
  ConvoyDriver,
  DriverDeps,
  ExpandOperations,
  HealthProblem,
  SnapshotOperations,
  VolumeDataOperations,
  VolumeInfo,
} from '../../convoy/contract.ts';
import { defineDriver } from '../../convoy/driver.ts';
import { ConvoyError } from '../../convoy/errors.ts';
import type { LocalVolumeId } from '../../convoy/ids.ts';
import type { CreateVolumeOptions } from '../../convoy/options.ts';
import { DirectoryPool } from '../../directory/directory-pool.ts';
import { ImageDevices } from '../../directory/image-devices.ts';
import { type CopySource, copyImage, growImage, makeImage } from '../../directory/image-files.ts';
import { checkCreateOptions } from '../../directory/options.ts';
import { FS_TYPES, type System } from '../../system/api.ts';
import { checkFits, type LoopOptions, minBytesOf } from './options.ts';

/** Direct I/O needs whole sectors of the disk below (at most 4096 bytes), and file systems use whole blocks of as many. */
const SIZE_UNIT_BYTES = 4096n;
const SECTOR_BYTES = 512n;

interface Loop {
  readonly name: string;
  readonly pool: DirectoryPool;
  readonly devices: ImageDevices;
  readonly system: System;
}

/** Volumes are image files of the pool's file system, offered as loop devices. */
export function createLoopDriver(name: string, options: LoopOptions, deps: DriverDeps): ConvoyDriver {
  const { system } = deps;
  const devices = new ImageDevices(system);
  const beforePurge = async (image: string): Promise<void> => await devices.detachAll(image);
  const pool = new DirectoryPool(system, {
    driver: name,
    shape: 'file',
    path: options.path,
    requireMount: options.requireMount,
    beforePurge,
  });
  const loop: Loop = { name, pool, devices, system };
  return defineDriver({
    name,
    deps,
    operations: {
      volume: volumeOperations(loop),
      access: accessOperations(loop),
      storage: pool.storage,
      records: pool.records,
      trash: pool.trash,
      snapshot: snapshotOperations(loop),
      clone: cloneOperations(loop),
      expand: expandOperations(loop),
      capacity: pool.capacity,
      health: pool.health(async (id, stats) => await imageHealth(loop, id, stats)),
    },
    properties: {
      scope: 'local',
      access: 'device',
      sizeEnforced: true,
      sizeUnitBytes: SIZE_UNIT_BYTES,
      minSizeBytes: minBytesOf(options.fileSystem),
      defaultSizeBytes: options.defaultSizeBytes,
      fileSystems: [options.fileSystem, ...FS_TYPES.filter((type) => type !== options.fileSystem)],
      get sharesBlocks() {
        return pool.sharesBlocks;
      },
      get instantCut() {
        return pool.sharesBlocks;
      },
      parameters: {},
    },
    info: async () => ({
      Path: options.path,
      DefaultVolumeSize: String(options.defaultSizeBytes),
      FileSystem: options.fileSystem,
      RequireMount: String(options.requireMount),
      SharesBlocks: String(pool.sharesBlocks),
      SizeEnforced: 'true',
    }),
    close: async () => await pool.close(),
  });
}

function volumeOperations(loop: Loop): VolumeDataOperations {
  const { contents, imports } = loop.pool;
  return {
    createVolume: async (id, opts, call) => {
      checkCreateOptions(loop.name, opts, ['fileSystem', 'format', 'volumeDriverId', 'thin']);
      checkFits(opts.fileSystem, opts.sizeBytes);
      const thin = opts.thin ?? false;
      if (opts.volumeDriverId !== undefined)
        return await imports.adopt(id, opts.volumeDriverId, async (path, stats) => await prepareAdopted(loop, path, stats, opts));
      await contents.fill(
        'volume',
        id,
        `creating volume ${id}`,
        call,
        async (path) => await makeImage(loop.system, path, opts.sizeBytes, thin),
      );
    },
    deleteVolume: async (id, { referenceOnly }, call) => {
      await loop.devices.detachUnused(loop.pool.layout.data('volume', id), new Set());
      const keptAs = referenceOnly ? await imports.release(id) : await imports.giveBack(id);
      await contents.destroy('volume', id, call);
      return keptAs === undefined ? {} : { keptAs };
    },
    getVolumeInfo: async (id) => {
      const { path, stats } = await contents.require('volume', id);
      const devices = await loop.devices.of(path);
      const seen = devices.find((device) => device.sizeBytes > BigInt(stats.size));
      if (seen !== undefined || stats.size === 0)
        throw new ConvoyError(
          'DataLoss',
          `the image of volume ${id} at ${path} was cut to ${stats.size} bytes${seen === undefined ? '' : `, while ${seen.path} still has ${seen.sizeBytes}`}: restore it`,
        );
      return imageInfo(stats, { Path: path, Device: devices.map((device) => device.path).join(' ') });
    },
    listVolume: async () => await contents.list('volume'),
  };
}

function accessOperations({ pool, devices }: Loop): AccessOperations {
  return {
    openAccess: async (id, opts) => {
      await pool.storage.assertSame();
      const { path } = await pool.contents.require('volume', id);
      return await devices.open(path, opts);
    },
    devices: async (id) => (await devices.of(pool.layout.data('volume', id))).map(({ device }) => device),
    releaseUnused: async (id, used) => await devices.detachUnused(pool.layout.data('volume', id), used),
  };
}

function snapshotOperations(loop: Loop): SnapshotOperations {
  const { contents } = loop.pool;
  return {
    name: () => loop.name,
    createSnapshot: async (id, volumeID, { consistency }, call) => {
      refuseFilesConsistency(loop, consistency);
      const source = await liveSource(loop, volumeID, call);
      await contents.fill(
        'snapshot',
        id,
        `taking snapshot ${id} of volume ${volumeID}`,
        call,
        async (to) => await copyImage(loop.system, source, to, loop.pool.sharesBlocks, call),
      );
    },
    deleteSnapshot: async (id, _volumeID, call) => await contents.destroy('snapshot', id, call),
    getSnapshotInfo: async (id, volumeID) => {
      const { path, stats } = await contents.require('snapshot', id);
      return imageInfo(stats, { FilePath: path, VolumeUUID: volumeID });
    },
    listSnapshot: async () => await contents.list('snapshot'),
  };
}

function cloneOperations(loop: Loop): CloneOperations {
  const { contents } = loop.pool;
  const make = async (
    id: LocalVolumeId,
    source: CopySource,
    doing: string,
    opts: CreateVolumeOptions,
    call: CallContext,
  ): Promise<void> => {
    await contents.fill('volume', id, doing, call, async (to) => {
      await copyImage(loop.system, source, to, loop.pool.sharesBlocks, call);
      await growImage(loop.system, to, opts.sizeBytes, opts.thin ?? false);
    });
  };
  return {
    restoreSnapshot: async (id, snapshotID, _volumeID, opts, call) => {
      checkCreateOptions(loop.name, opts, ['fileSystem', 'format', 'thin']);
      const { path, stats } = await contents.require('snapshot', snapshotID);
      refuseSmaller(stats, opts, `snapshot ${snapshotID}`);
      await make(id, { path }, `restoring snapshot ${snapshotID} to volume ${id}`, opts, call);
    },
    cloneVolume: async (id, sourceID, opts, call) => {
      checkCreateOptions(loop.name, opts, ['fileSystem', 'format', 'thin']);
      refuseFilesConsistency(loop, opts.consistency);
      const source = await liveSource(loop, sourceID, call);
      refuseSmaller(source.stats, opts, `volume ${sourceID}`);
      await make(id, source, `cloning volume ${sourceID} to volume ${id}`, opts, call);
    },
  };
}

function expandOperations(loop: Loop): ExpandOperations {
  return {
    expandVolume: async (id, sizeBytes, { thin }) => {
      await loop.pool.storage.assertSame();
      const { path } = await loop.pool.contents.require('volume', id);
      await growImage(loop.system, path, sizeBytes, thin);
      await loop.devices.refresh(path);
    },
  };
}

async function liveSource(loop: Loop, id: LocalVolumeId, call: CallContext): Promise<CopySource & { readonly stats: Stats }> {
  const { path, stats } = await loop.pool.contents.require('volume', id);
  return { path, stats, flush: async () => await loop.devices.flush(path, call.signal) };
}

/** What is adopted keeps its size, or is grown to the size that is asked. */
async function prepareAdopted(loop: Loop, path: string, stats: BigIntStats, opts: CreateVolumeOptions): Promise<void> {
  if (stats.nlink !== 1n)
    throw new ConvoyError(
      'Precondition',
      `${path} cannot be adopted: it has ${stats.nlink} hard links, and whoever has another could change the volume; copy it instead`,
    );
  if (stats.size === 0n || stats.size % SECTOR_BYTES !== 0n)
    throw new ConvoyError(
      'Precondition',
      `${path} cannot be adopted: ${stats.size} bytes are no whole number of sectors of ${SECTOR_BYTES} bytes; pad it with zeroes (truncate -s)`,
    );
  const [device] = await loop.devices.of(path);
  if (device !== undefined)
    throw new ConvoyError(
      'InUse',
      `${path} cannot be adopted while ${device.path} is attached to it: unmount and detach it (losetup -d ${device.path})`,
    );
  await chown(path, 0, 0);
  await chmod(path, 0o600);
  const whole = ((stats.size + SIZE_UNIT_BYTES - 1n) / SIZE_UNIT_BYTES) * SIZE_UNIT_BYTES;
  await growImage(loop.system, path, whole > opts.sizeBytes ? whole : opts.sizeBytes, opts.thin ?? false);
}

function refuseFilesConsistency({ name }: Loop, consistency: string): void {
  if (consistency === 'files')
    throw new ConvoyError(
      'NotSupported',
      `driver ${name} has no use for "consistency: files": it copies whole devices, at one instant; leave it out`,
    );
}

function refuseSmaller(stats: Stats, { sizeBytes }: CreateVolumeOptions, source: string): void {
  if (BigInt(stats.size) > sizeBytes)
    throw new ConvoyError(
      'OutOfRange',
      `size ${sizeBytes} is smaller than ${source}, which has ${stats.size} bytes: ask for at least that`,
    );
}

function imageInfo(stats: Stats, details: Readonly<Record<string, string>>): VolumeInfo {
  return { sizeBytes: BigInt(stats.size), allocatedBytes: BigInt(stats.blocks) * SECTOR_BYTES, details };
}

async function imageHealth({ pool, devices }: Loop, id: LocalVolumeId, stats: Stats | undefined): Promise<readonly HealthProblem[]> {
  const image = pool.layout.data('volume', id);
  const deleted = await devices.ofDeleted(image);
  const short = stats === undefined ? [] : (await devices.of(image)).filter(({ sizeBytes }) => sizeBytes > BigInt(stats.size));
  return [
    ...deleted.slice(0, 1).map(
      (path): HealthProblem => ({
        status: 'DataLoss',
        reason: 'ImageReplaced',
        message: `${path} still serves the deleted file that was ${image}: what is written there is lost; stop the workload and copy the device`,
      }),
    ),
    ...(stats?.size === 0 || short.length > 0
      ? [{ status: 'DataLoss', reason: 'ImageCut', message: `${image} was cut to ${stats?.size} bytes: restore it` } as const]
      : []),
  ];
}
