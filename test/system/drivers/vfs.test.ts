import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import type { LocalVolumeId } from '../../../src/convoy/ids.ts';
import { describeTree, hashTree, writeSampleTree } from '../../support/tree-hash.ts';
import { callWith, type DriverRig, MIB, openRig, rejects, snapshotId, volumeId } from './driver-rig.ts';

const size = { sizeBytes: 64n * MIB };
const instant = { consistency: 'point-in-time' } as const;

for (const type of ['ext4', 'xfs', 'btrfs'] as const) {
  describe(`vfs on ${type}`, () => {
    let rig: DriverRig;
    before(async () => {
      rig = await openRig('vfs', type, 512n * MIB);
    });
    after(async () => await rig.close());

    const data = (id: LocalVolumeId): string => join(rig.path, 'volumes', id, 'data');
    const make = async (name: string): Promise<LocalVolumeId> => {
      const id = volumeId(name);
      await rig.operations.volume.createVolume(id, size, callWith());
      return id;
    };

    it('says at open whether copies share blocks', () => {
      assert.equal(rig.driver.properties.sharesBlocks, type !== 'ext4');
    });

    it('makes a directory that any user of the volume may write to, and makes it once', async () => {
      const id = await make('once');
      writeFileSync(join(data(id), 'file'), 'kept');
      await make('once');
      assert.equal(readFileSync(join(data(id), 'file'), 'utf8'), 'kept');
      assert.equal(statSync(data(id)).mode & 0o7777, 0o777);
      assert.equal(statSync(join(rig.path, 'volumes')).mode & 0o7777, 0o700);
      assert.equal(statSync(join(rig.path, 'volumes', id)).mode & 0o7777, 0o700);
      assert.deepEqual((await rig.operations.volume.getVolumeInfo(id)).details, { Path: data(id) });
    });

    it('deletes a volume, again and again, and what a killed create left', async () => {
      const id = await make('gone');
      writeSampleTree(data(id));
      mkdirSync(`${data(id)}.partial/half`, { recursive: true });
      for (let again = 0; again < 2; again++) {
        await rig.operations.volume.deleteVolume(id, { referenceOnly: false }, callWith());
        assert.equal(existsSync(join(rig.path, 'volumes', id)), false);
      }
      await rejects(rig.operations.volume.getVolumeInfo(id), 'NotFound');
      assert.equal((await rig.operations.volume.listVolume()).includes(id), false);
    });

    it('finishes what a killed create left under the hidden name', async () => {
      const id = volumeId('killed');
      mkdirSync(join(data(id).replace(/data$/, 'data.partial'), 'half'), { recursive: true });
      await make('killed');
      assert.deepEqual(readdirSync(data(id)), []);
      assert.deepEqual(readdirSync(join(rig.path, 'volumes', id)), ['data']);
    });

    it('keeps everything about files in snapshots, clones and restores, and keeps them apart', async () => {
      const source = await make('source');
      writeSampleTree(data(source));
      execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept', join(data(source), 'a')]);
      const before = hashTree(data(source));
      const { snapshot, clone } = rig.operations;
      const snap = snapshotId('snap');
      await snapshot.createSnapshot(snap, source, instant, callWith());
      const [restored, cloned] = [volumeId('restored'), volumeId('cloned')];
      await clone.cloneVolume(cloned, source, { ...size, ...instant }, callWith());
      writeFileSync(join(data(source), 'a', 'hard link'), 'changed');
      writeFileSync(join(data(source), 'new'), 'new');
      await snapshot.createSnapshot(snap, source, instant, callWith());
      await clone.restoreSnapshot(restored, snap, source, size, callWith());
      await clone.restoreSnapshot(restored, snap, source, size, callWith());
      for (const id of [restored, cloned]) assert.equal(hashTree(data(id)), before, describeTree(data(id)).join('\n'));
      assert.match(execFileSync('getfattr', ['-n', 'user.note', join(data(restored), 'a')], { encoding: 'utf8' }), /kept/);
      assert.equal(statSync(data(restored)).mode & 0o7777, 0o777);
      writeFileSync(join(data(restored), 'sparse'), 'mine');
      assert.equal(hashTree(data(cloned)), before);
      assert.equal(hashTree(join(rig.path, 'snapshots', snap, 'data')), before);
      assert.deepEqual(await snapshot.listSnapshot(), [snap]);
      assert.equal((await snapshot.getSnapshotInfo(snap, source)).details['VolumeUUID'], source);
    });

    it('restores a snapshot whose volume is gone', async () => {
      const source = await make('short-lived');
      writeFileSync(join(data(source), 'file'), 'text');
      const snap = snapshotId('long-lived');
      await rig.operations.snapshot.createSnapshot(snap, source, instant, callWith());
      await rig.operations.volume.deleteVolume(source, { referenceOnly: false }, callWith());
      const id = volumeId('from-the-dead');
      await rig.operations.clone.restoreSnapshot(id, snap, source, size, callWith());
      assert.equal(readFileSync(join(data(id), 'file'), 'utf8'), 'text');
      for (let again = 0; again < 2; again++) await rig.operations.snapshot.deleteSnapshot(snap, source, callWith());
      await rejects(rig.operations.snapshot.getSnapshotInfo(snap, source), 'NotFound');
      await rejects(rig.operations.clone.restoreSnapshot(volumeId('too-late'), snap, source, size, callWith()), 'NotFound');
      assert.equal(existsSync(join(rig.path, 'volumes', volumeId('too-late'))), false);
    });

    it('never calls a copy of a changing volume an instant, and copies it if files of different instants will do', async () => {
      const source = await make('busy');
      mkdirSync(join(data(source), 'below'));
      const writer = await startWriter(join(data(source), 'below'));
      const snap = snapshotId('busy');
      const take = async (): Promise<boolean> => {
        try {
          await rig.operations.snapshot.createSnapshot(snap, source, instant, callWith());
        } catch (error) {
          assert.ok(isConvoyError(error, 'Precondition') && /below\/(first|second).*consistency: files/.test(error.message), String(error));
          assert.equal(existsSync(join(rig.path, 'snapshots', snap)), false);
          return false;
        }
        // The writer may have stood still for as long as a copy took: then it is one instant.
        const [first = 0, second = 0] = ['first', 'second'].map((name) =>
          Number.parseInt(readFileSync(join(rig.path, 'snapshots', snap, 'data', 'below', name), 'utf8'), 10),
        );
        assert.ok(first === second || first === second + 1, `${first} ${second}`);
        await rig.operations.snapshot.deleteSnapshot(snap, source, callWith());
        return true;
      };
      try {
        for (let attempt = 0; await take(); attempt++) assert.ok(attempt < 20, 'no copy of 20 was refused');
        await rig.operations.snapshot.createSnapshot(snap, source, { consistency: 'files' }, callWith());
      } finally {
        await writer.terminate();
      }
      assert.ok((await rig.operations.snapshot.listSnapshot()).includes(snap));
      await rig.operations.snapshot.deleteSnapshot(snap, source, callWith());
    });

    it('refuses to copy around a mount', async () => {
      const source = await make('holey');
      mkdirSync(join(data(source), 'mnt'));
      execFileSync('mount', ['-t', 'tmpfs', 'none', join(data(source), 'mnt')]);
      try {
        await rejects(rig.operations.snapshot.createSnapshot(snapshotId('holey'), source, instant, callWith()), 'Precondition', /mnt/);
      } finally {
        execFileSync('umount', [join(data(source), 'mnt')]);
      }
      assert.equal(existsSync(join(rig.path, 'snapshots', snapshotId('holey'))), false);
    });

    it('stops when the call is cancelled, and the same call makes it good', async () => {
      const source = await make('cancelled');
      writeSampleTree(data(source));
      const id = volumeId('cancelled-clone');
      await rejects(rig.operations.clone.cloneVolume(id, source, { ...size, ...instant }, callWith(AbortSignal.abort())), 'Cancelled');
      assert.equal((await rig.operations.volume.listVolume()).includes(id), false);
      await rig.operations.clone.cloneVolume(id, source, { ...size, ...instant }, callWith());
      assert.equal(hashTree(data(id)), hashTree(data(source)));
    });

    it('leaves nothing of a copy that the disk has no room for', async () => {
      if (rig.driver.properties.sharesBlocks) return;
      const source = await make('large');
      execFileSync('fallocate', ['-l', '300M', join(data(source), 'large')]);
      execFileSync('dd', ['if=/dev/zero', `of=${join(data(source), 'large')}`, 'bs=1M', 'count=300', 'conv=notrunc', 'status=none']);
      const id = volumeId('too-large');
      await rejects(rig.operations.clone.cloneVolume(id, source, { ...size, ...instant }, callWith()), 'NoSpace');
      assert.equal(existsSync(join(rig.path, 'volumes', id)), false);
      await rig.operations.volume.deleteVolume(source, { referenceOnly: false }, callWith());
    });

    it('neither uses nor follows a link that stands in the place of data', async () => {
      const outside = join(rig.fs.path, 'outside');
      mkdirSync(outside);
      writeFileSync(join(outside, 'secret'), 'secret');
      const id = await make('planted');
      rmSync(data(id), { recursive: true });
      symlinkSync(outside, data(id));
      const { volume, access, snapshot, health } = rig.operations;
      await rejects(access.openAccess(id, { readOnly: false, raw: false }), 'DataLoss', /symbolic link/);
      await rejects(volume.getVolumeInfo(id), 'DataLoss');
      await rejects(volume.createVolume(id, size, callWith()), 'DataLoss');
      await rejects(snapshot.createSnapshot(snapshotId('planted'), id, instant, callWith()), 'DataLoss');
      assert.equal((await volume.listVolume()).includes(id), false);
      assert.deepEqual(
        (await health.volumeHealth(id)).map(({ status }) => status),
        ['DataLoss'],
      );
      await volume.deleteVolume(id, { referenceOnly: false }, callWith());
      assert.equal(existsSync(data(id)), false);
      assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret');
      rmSync(outside, { recursive: true });
    });

    it('tells missing data of a recorded volume from a volume that never was', async () => {
      const id = await make('lost');
      const { volume, health, records } = rig.operations;
      await records.writeRecord('volume', id, 'text');
      assert.deepEqual(await health.volumeHealth(id), []);
      rmSync(data(id), { recursive: true });
      await rejects(volume.getVolumeInfo(id), 'DataLoss', /missing/);
      assert.deepEqual(
        (await health.volumeHealth(id)).map(({ status, reason }) => `${status} ${reason}`),
        ['DataLoss DataMissing'],
      );
      await rejects(health.volumeHealth(volumeId('never')), 'NotFound');
      await records.removeRecord('volume', id);
    });

    it('offers a directory and no device', async () => {
      const id = await make('offered');
      const { access } = rig.operations;
      const opened = await access.openAccess(id, { readOnly: true, raw: false });
      assert.equal(opened.path, data(id));
      await opened.close();
      assert.deepEqual(await access.devices(id), []);
      await access.releaseUnused(id, new Set());
      await rejects(access.openAccess(id, { readOnly: false, raw: true }), 'NotSupported', /loop/);
    });

    it('adopts a directory, and gives it back when the create is given up', async () => {
      const place = join(rig.path, 'import', 'old-data');
      mkdirSync(place);
      writeSampleTree(place);
      const hash = hashTree(place);
      const id = volumeId('adopted');
      const adopt = async (name: string) => await rig.operations.volume.createVolume(id, { ...size, volumeDriverId: name }, callWith());
      await rejects(adopt('nothing'), 'NotFound', /"old-data"/);
      assert.equal(existsSync(join(rig.path, 'volumes', id)), false);
      for (const name of ['..', 'a/b', '../volumes']) await rejects(adopt(name), 'InvalidArgument');
      await adopt('old-data');
      await adopt('old-data');
      assert.equal(hashTree(data(id)), hash);
      await rig.operations.volume.deleteVolume(id, { referenceOnly: false }, callWith());
      assert.equal(hashTree(place), hash);
      assert.equal(existsSync(join(rig.path, 'volumes', id)), false);
      rmSync(place, { recursive: true });
    });

    it('adopts no link, no file and nothing that has a mount inside', async () => {
      const folder = join(rig.path, 'import');
      symlinkSync(rig.fs.path, join(folder, 'link'));
      writeFileSync(join(folder, 'file'), '');
      mkdirSync(join(folder, 'mounted'));
      execFileSync('mount', ['-t', 'tmpfs', 'none', join(folder, 'mounted')]);
      try {
        for (const [name, code] of [
          ['link', 'Precondition'],
          ['file', 'Precondition'],
          ['mounted', 'Precondition'],
        ] as const)
          await rejects(rig.operations.volume.createVolume(volumeId('unadopted'), { ...size, volumeDriverId: name }, callWith()), code);
        execFileSync('mount', ['--bind', folder, join(folder, 'mounted')]);
        await rejects(
          rig.operations.volume.createVolume(volumeId('unadopted'), { ...size, volumeDriverId: 'mounted' }, callWith()),
          'InUse',
        );
        execFileSync('umount', [join(folder, 'mounted')]);
      } finally {
        execFileSync('umount', [join(folder, 'mounted')]);
      }
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    });

    it('keeps the data of a volume that is only forgotten, under a name that says whose it was', async () => {
      const { volume, records } = rig.operations;
      const id = await make('forgotten');
      await records.writeRecord('volume', id, 'text');
      writeFileSync(join(data(id), 'file'), 'kept');
      for (let again = 0; again < 2; again++)
        assert.deepEqual(await volume.deleteVolume(id, { referenceOnly: true }, callWith()), { keptAs: id });
      await records.removeRecord('volume', id);
      await make('forgotten');
      assert.deepEqual(await volume.deleteVolume(id, { referenceOnly: true }, callWith()), { keptAs: `${id}-2` });
      await records.removeRecord('volume', id);
      await volume.createVolume(id, { ...size, volumeDriverId: id }, callWith());
      assert.equal(readFileSync(join(data(id), 'file'), 'utf8'), 'kept');
      renameSync(join(rig.path, 'import', `${id}-2`), join(rig.path, 'away'));
      rmSync(join(rig.path, 'away'), { recursive: true });
    });

    it('puts a sparse disk into a volume for a virtual machine, once', async () => {
      const id = volumeId('machine');
      const opts = { ...size, prepareForVm: true };
      await rig.operations.volume.createVolume(id, opts, callWith());
      const disk = join(data(id), 'disk.img');
      assert.equal(BigInt(statSync(disk).size), size.sizeBytes);
      assert.equal(statSync(disk).blocks, 0);
      writeFileSync(disk, 'guest');
      await rig.operations.volume.createVolume(id, opts, callWith());
      await rig.operations.clone.cloneVolume(volumeId('machine-2'), id, { ...opts, ...instant }, callWith());
      assert.equal(readFileSync(join(data(volumeId('machine-2')), 'disk.img'), 'utf8'), 'guest');
    });

    it('follows no link when it puts a disk into what it adopts', async () => {
      const place = join(rig.path, 'import', 'trap');
      mkdirSync(place);
      symlinkSync('/tmp/never-made-by-convoy', join(place, 'disk.img'));
      await rejects(
        rig.operations.volume.createVolume(volumeId('trap'), { ...size, prepareForVm: true, volumeDriverId: 'trap' }, callWith()),
        'Precondition',
        /disk\.img/,
      );
      assert.equal(existsSync('/tmp/never-made-by-convoy'), false);
      assert.ok(lstatSync(join(place, 'disk.img')).isSymbolicLink());
      rmSync(place, { recursive: true });
    });

    it('refuses options by name, and sizes beyond the disk', async () => {
      await rejects(
        rig.operations.volume.createVolume(volumeId('x'), { ...size, volumeType: 'gp2' }, callWith()),
        'NotSupported',
        /VolumeType/,
      );
      const id = await make('grown');
      await rig.operations.expand.expandVolume(id, 128n * MIB, { thin: false }, callWith());
      await rejects(rig.operations.expand.expandVolume(id, 1n << 40n, { thin: false }, callWith()), 'NoSpace');
      await rejects(rig.operations.expand.expandVolume(volumeId('none'), MIB, { thin: false }, callWith()), 'NotFound');
      const { totalBytes, availableBytes } = await rig.operations.capacity.capacity();
      assert.ok(totalBytes > availableBytes && availableBytes > 0n);
    });

    it('keeps times of files to the nanosecond', async () => {
      const source = await make('times');
      writeFileSync(join(data(source), 'old'), '');
      utimesSync(join(data(source), 'old'), 1, 2);
      await rig.operations.clone.cloneVolume(volumeId('times-2'), source, { ...size, ...instant }, callWith());
      assert.equal(statSync(join(data(volumeId('times-2')), 'old'), { bigint: true }).mtimeNs, 2_000_000_000n);
    });
  });
}

/** Counts in two files, one after the other, without pause in a thread of its own; resolves once it has begun. */
async function startWriter(directory: string): Promise<Worker> {
  const source = `const { openSync, writeSync } = require('node:fs'); const { parentPort, workerData } = require('node:worker_threads');
    const [first, second] = ['first', 'second'].map((name) => openSync(workerData + '/' + name, 'w'));
    for (let count = 1; ; count++) {
      for (const file of [first, second]) writeSync(file, String(count).padStart(12, '0'), 0);
      if (count === 1) parentPort.postMessage('begun');
    }`;
  const worker = new Worker(source, { eval: true, workerData: directory });
  await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return worker;
}
