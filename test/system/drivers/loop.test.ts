import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Access } from '../../../src/convoy/contract.ts';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import type { LocalVolumeId } from '../../../src/convoy/ids.ts';
import { loopsBackedBelow } from '../../support/scratch-fs.ts';
import { hashFile } from '../../support/tree-hash.ts';
import { callWith, type DriverRig, MIB, openRig, rejects, snapshotId, volumeId } from './driver-rig.ts';
import { assertPrefix, startSequenceWriter } from './sequence-writer.ts';

const size = { sizeBytes: 64n * MIB };
const instant = { consistency: 'point-in-time' } as const;
const raw = { raw: true, readOnly: false } as const;
const mounting = { raw: false, readOnly: false } as const;

for (const type of ['ext4', 'xfs', 'btrfs'] as const) {
  describe(`loop on ${type}`, () => {
    let rig: DriverRig;
    let mountPoint: string;
    before(async () => {
      rig = await openRig('loop', type, 2048n * MIB);
      mountPoint = join(rig.fs.path, 'mnt');
      mkdirSync(mountPoint);
    });
    after(async () => await rig.close());

    const image = (id: LocalVolumeId): string => join(rig.path, 'volumes', id, 'image');
    const make = async (name: string): Promise<LocalVolumeId> => {
      const id = volumeId(name);
      await rig.operations.volume.createVolume(id, size, callWith());
      return id;
    };
    const open = async (id: LocalVolumeId, opts: { raw: boolean; readOnly: boolean }): Promise<Access & { kind: 'device' }> => {
      const access = await rig.operations.access.openAccess(id, opts);
      assert.ok(access.kind === 'device');
      return access;
    };
    const release = async (id: LocalVolumeId, used: readonly string[] = []): Promise<void> =>
      await rig.operations.access.releaseUnused(id, new Set(used));
    /** Formats the volume and mounts it, as publish does: our hold ends with the mount. */
    const mountNew = async (id: LocalVolumeId, format = true): Promise<string> => {
      const device = await open(id, mounting);
      if (format) execFileSync('mkfs.ext4', ['-q', device.path]);
      execFileSync('mount', [device.path, mountPoint]);
      await device.close();
      return device.device;
    };

    it('cuts in an instant where blocks can be shared', () => {
      assert.equal(rig.driver.properties.instantCut, type !== 'ext4');
    });

    it('makes an image of the whole size with its blocks reserved, or none if thin, for root alone', async () => {
      const id = await make('fat');
      await make('fat');
      const info = await rig.operations.volume.getVolumeInfo(id);
      assert.equal(info.sizeBytes, size.sizeBytes);
      assert.ok((info.allocatedBytes ?? 0n) >= size.sizeBytes);
      assert.equal(statSync(image(id)).mode & 0o7777, 0o600);
      const thin = volumeId('thin');
      await rig.operations.volume.createVolume(thin, { ...size, thin: true }, callWith());
      assert.equal((await rig.operations.volume.getVolumeInfo(thin)).allocatedBytes, 0n);
      assert.deepEqual(new Set(await rig.operations.volume.listVolume()), new Set([id, thin]));
      for (const gone of [id, thin, id]) await rig.operations.volume.deleteVolume(gone, { referenceOnly: false }, callWith());
      assert.deepEqual(readdirSync(join(rig.path, 'volumes')), []);
    });

    it('leaves nothing of an image that the disk has no room for, or cannot hold', async () => {
      const id = volumeId('huge');
      await rejects(rig.operations.volume.createVolume(id, { sizeBytes: 1n << 40n }, callWith()), 'NoSpace');
      if (type === 'ext4')
        await rejects(rig.operations.volume.createVolume(id, { sizeBytes: 1n << 50n, thin: true }, callWith()), 'OutOfRange');
      assert.equal(existsSync(join(rig.path, 'volumes', id)), false);
    });

    it('replaces what a killed create left under the hidden name', async () => {
      const id = volumeId('killed');
      mkdirSync(join(rig.path, 'volumes', id));
      writeFileSync(`${image(id)}.partial`, 'half');
      await make('killed');
      assert.equal(statSync(image(id)).size, Number(size.sizeBytes));
      assert.deepEqual(readdirSync(join(rig.path, 'volumes', id)), ['image']);
    });

    it('mounts from one device that goes away by itself with the last unmount', async () => {
      const id = await make('mounted');
      const device = await mountNew(id);
      const again = await open(id, { raw: false, readOnly: true });
      assert.equal(again.device, device);
      assert.equal(again.readOnly, false);
      await again.close();
      await release(id);
      assert.deepEqual(await rig.operations.access.devices(id), [device]);
      await rejects(rig.operations.access.openAccess(id, raw), 'InUse', /mounted from/);
      execFileSync('umount', [mountPoint]);
      assert.deepEqual(await rig.operations.access.devices(id), []);
    });

    it('gives all writers one device, however many ask at once', async () => {
      const id = await make('shared');
      const opened = await Promise.all(Array.from({ length: 8 }, async () => await open(id, raw)));
      assert.equal(new Set(opened.map(({ device }) => device)).size, 1);
      const first = opened[0];
      assert.ok(first !== undefined);
      assert.equal(
        readdirSync(`/sys/block/${basename(first.path)}`).some((name) => /p\d+$/.test(name)),
        false,
      );
      for (const access of opened) await access.close();
      assert.deepEqual(await rig.operations.access.devices(id), [first.device]);
      await release(id, [first.device]);
      assert.deepEqual(await rig.operations.access.devices(id), [first.device]);
      const mountedAsWell = await open(id, mounting);
      assert.equal(mountedAsWell.device, first.device);
      await mountedAsWell.close();
      await release(id);
      await release(id);
      assert.deepEqual(await rig.operations.access.devices(id), []);
    });

    it('gives a read-only raw consumer a device that cannot be written to', async () => {
      const id = await make('read-only');
      const [reader, writer] = [await open(id, { raw: true, readOnly: true }), await open(id, raw)];
      assert.notEqual(reader.device, writer.device);
      assert.equal(reader.readOnly, true);
      assert.equal(readFileSync(`/sys/block/${basename(reader.path)}/ro`, 'utf8').trim(), '1');
      assert.throws(() => writeAt(reader.path, 'x', 0), /EACCES|EPERM|EROFS|EIO/);
      const second = await open(id, { raw: true, readOnly: true });
      assert.equal(second.device, reader.device);
      for (const access of [reader, writer, second]) await access.close();
      await release(id, [writer.device]);
      assert.deepEqual(await rig.operations.access.devices(id), [writer.device]);
      await release(id);
    });

    it('snapshots what was written through a raw device, and keeps copies apart', async () => {
      const id = await make('raw');
      const device = await open(id, raw);
      const snap = snapshotId('raw');
      const consumer = openSync(device.path, 'r+'); // its last close would flush
      try {
        writeSync(consumer, 'before', 0);
        writeSync(consumer, 'end', Number(size.sizeBytes) - 3);
        await rig.operations.snapshot.createSnapshot(snap, id, instant, callWith());
      } finally {
        closeSync(consumer);
      }
      writeAt(device.path, 'after!', 0);
      await rig.operations.snapshot.createSnapshot(snap, id, instant, callWith());
      const [restored, cloned] = [volumeId('restored'), volumeId('cloned')];
      await rig.operations.clone.restoreSnapshot(restored, snap, id, { sizeBytes: 2n * size.sizeBytes }, callWith());
      await rig.operations.clone.cloneVolume(cloned, id, { ...size, ...instant }, callWith());
      assert.equal(readAt(image(restored), 6, 0), 'before');
      assert.equal(readAt(image(restored), 3, Number(size.sizeBytes) - 3), 'end');
      assert.equal(readAt(image(cloned), 6, 0), 'after!');
      assert.equal(BigInt(statSync(image(restored)).size), 2n * size.sizeBytes);
      assert.equal(statSync(image(restored)).mode & 0o7777, 0o600);
      assert.ok(((await rig.operations.volume.getVolumeInfo(restored)).allocatedBytes ?? 0n) >= 2n * size.sizeBytes);
      const untouched = hashFile(join(rig.path, 'snapshots', snap, 'image'));
      writeAt(image(restored), 'other', 0);
      writeAt(device.path, 'third!', 0);
      await device.close();
      await release(id);
      assert.equal(readAt(image(id), 6, 0), 'third!');
      assert.equal(hashFile(join(rig.path, 'snapshots', snap, 'image')), untouched);
      await rejects(rig.operations.clone.restoreSnapshot(volumeId('small'), snap, id, { sizeBytes: 32n * MIB }, callWith()), 'OutOfRange');
      await rig.operations.volume.deleteVolume(id, { referenceOnly: false }, callWith());
      assert.deepEqual(await rig.operations.snapshot.listSnapshot(), [snap]);
      for (let again = 0; again < 2; again++) await rig.operations.snapshot.deleteSnapshot(snap, id, callWith());
      assert.deepEqual(readdirSync(join(rig.path, 'snapshots')), []);
    });

    it('snapshots files that were written and not synced', async () => {
      const id = await make('unsynced');
      await mountNew(id);
      writeFileSync(join(mountPoint, 'file'), 'text');
      const clone = volumeId('unsynced-clone');
      await rig.operations.clone.cloneVolume(clone, id, { ...size, ...instant }, callWith());
      execFileSync('umount', [mountPoint]);
      await mountNew(clone, false);
      assert.equal(readFileSync(join(mountPoint, 'file'), 'utf8'), 'text');
      execFileSync('umount', [mountPoint]);
    });

    it('gives a volume and its copies one sector size for life, also once their blocks are shared', async () => {
      const [id, copy] = [await make('sectors'), volumeId('sectors-copy')];
      const sectorSize = async (of: LocalVolumeId): Promise<string> => {
        const device = await open(of, mounting);
        try {
          return readFileSync(`/sys/block/${basename(device.path)}/queue/logical_block_size`, 'utf8').trim();
        } finally {
          await device.close();
        }
      };
      assert.equal(await sectorSize(id), '512');
      await rig.operations.clone.cloneVolume(copy, id, { ...size, ...instant }, callWith());
      assert.deepEqual([await sectorSize(id), await sectorSize(copy)], ['512', '512']);
    });

    it('cuts one instant of a file system under ordered, synced writes', async () => {
      const id = await make('ordered');
      await mountNew(id);
      const writer = await startSequenceWriter(mountPoint);
      const clones: LocalVolumeId[] = [];
      try {
        for (const round of [1, 2, 3]) {
          const clone = volumeId(`ordered-${round}`);
          await writer.reaches(round * 20);
          const taken = await rig.operations.clone.cloneVolume(clone, id, { ...size, ...instant }, callWith()).then(
            () => true,
            async (error) => {
              // A copy that takes time may not count while somebody writes; then it must leave nothing.
              if (type !== 'ext4') throw error;
              assert.ok(isConvoyError(error, 'Precondition') && /kept changing/.test(error.message), String(error));
              assert.equal(existsSync(join(rig.path, 'volumes', clone)), false);
              return false;
            },
          );
          if (taken) clones.push(clone);
        }
      } finally {
        await writer.stop();
        execFileSync('umount', [mountPoint]);
      }
      assert.ok(type === 'ext4' || clones.length === 3);
      for (const clone of clones) {
        await mountNew(clone, false);
        assertPrefix(mountPoint);
        execFileSync('umount', [mountPoint]);
        await rig.operations.volume.deleteVolume(clone, { referenceOnly: false }, callWith());
      }
    });

    it('refuses what makes no sense for a device', async () => {
      const id = await make('sense');
      const { snapshot, volume, clone } = rig.operations;
      await rejects(
        snapshot.createSnapshot(snapshotId('x'), id, { consistency: 'files' }, callWith()),
        'NotSupported',
        /consistency: files/,
      );
      await rejects(clone.cloneVolume(volumeId('x'), id, { ...size, consistency: 'files' }, callWith()), 'NotSupported');
      await rejects(volume.createVolume(volumeId('x'), { ...size, prepareForVm: true }, callWith()), 'NotSupported', /PrepareForVM/);
      await rejects(volume.createVolume(volumeId('x'), { ...size, fileSystem: 'xfs' }, callWith()), 'OutOfRange', /xfs/);
      await rejects(clone.cloneVolume(volumeId('x'), volumeId('none'), { ...size, ...instant }, callWith()), 'NotFound');
      assert.equal(existsSync(join(rig.path, 'volumes', volumeId('x'))), false);
    });

    it('grows an image under its devices', async () => {
      const id = await make('growing');
      const [writer, reader] = [await open(id, raw), await open(id, { raw: true, readOnly: true })];
      for (let again = 0; again < 2; again++)
        await rig.operations.expand.expandVolume(id, 2n * size.sizeBytes, { thin: false }, callWith());
      await rig.operations.expand.expandVolume(id, size.sizeBytes, { thin: false }, callWith());
      for (const { path } of [writer, reader])
        assert.equal(BigInt(execFileSync('blockdev', ['--getsize64', path], { encoding: 'utf8' }).trim()), 2n * size.sizeBytes);
      await rejects(rig.operations.expand.expandVolume(id, 1n << 40n, { thin: false }, callWith()), 'NoSpace');
      assert.equal((await rig.operations.volume.getVolumeInfo(id)).sizeBytes, 2n * size.sizeBytes);
      for (const access of [writer, reader]) await access.close();
      await release(id);
    });

    it('adopts an image, grown if need be, and gives it back when the create is given up', async () => {
      const folder = join(rig.path, 'import');
      writeFileSync(join(folder, 'old.img'), Buffer.alloc(1 << 20, 'x'));
      const id = volumeId('adopted');
      const adopt = async (name: string) => await rig.operations.volume.createVolume(id, { ...size, volumeDriverId: name }, callWith());
      await rejects(adopt('none.img'), 'NotFound', /"old\.img"/);
      await adopt('old.img');
      await adopt('old.img');
      assert.equal(BigInt(statSync(image(id)).size), size.sizeBytes);
      assert.equal(readAt(image(id), 4, (1 << 20) - 4), 'xxxx');
      assert.equal(statSync(image(id)).mode & 0o7777, 0o600);
      await rig.operations.volume.deleteVolume(id, { referenceOnly: false }, callWith());
      assert.deepEqual(readdirSync(folder), ['old.img']);
      assert.equal(existsSync(join(rig.path, 'volumes', id)), false);
      await adopt('old.img');
      assert.deepEqual(await rig.operations.volume.deleteVolume(id, { referenceOnly: true }, callWith()), { keptAs: `${id}.img` });
      assert.deepEqual(readdirSync(folder), [`${id}.img`]);
      await rig.operations.records.removeRecord('volume', id);
      rmSync(join(folder, `${id}.img`));
    });

    it('adopts no link, no directory, no broken size and nothing that is used elsewhere', async () => {
      const folder = join(rig.path, 'import');
      writeFileSync(join(folder, 'odd'), 'odd');
      writeFileSync(join(folder, 'linked'), Buffer.alloc(4096));
      linkSync(join(folder, 'linked'), join(rig.fs.path, 'second-name'));
      symlinkSync(join(rig.fs.path, 'second-name'), join(folder, 'link'));
      mkdirSync(join(folder, 'directory'));
      writeFileSync(join(folder, 'attached'), Buffer.alloc(1 << 20));
      const device = execFileSync('losetup', ['--find', '--show', join(folder, 'attached')], { encoding: 'utf8' }).trim();
      try {
        for (const name of ['odd', 'linked', 'link', 'directory'])
          await rejects(rig.operations.volume.createVolume(volumeId('x'), { ...size, volumeDriverId: name }, callWith()), 'Precondition');
        await rejects(
          rig.operations.volume.createVolume(volumeId('x'), { ...size, volumeDriverId: 'attached' }, callWith()),
          'InUse',
          /losetup -d/,
        );
      } finally {
        execFileSync('losetup', ['--detach', device]);
      }
      assert.equal(existsSync(join(rig.path, 'volumes', volumeId('x'))), false);
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    });

    it('neither uses nor follows a link that stands in the place of an image', async () => {
      const outside = join(rig.fs.path, 'outside');
      writeFileSync(outside, Buffer.alloc(1 << 20, 's'));
      const id = await make('planted');
      rmSync(image(id));
      symlinkSync(outside, image(id));
      await rejects(rig.operations.access.openAccess(id, raw), 'DataLoss', /symbolic link/);
      await rejects(rig.operations.expand.expandVolume(id, 2n * size.sizeBytes, { thin: true }, callWith()), 'DataLoss');
      await rig.operations.volume.deleteVolume(id, { referenceOnly: false }, callWith());
      assert.equal(statSync(outside).size, 1 << 20);
      assert.equal(existsSync(join(rig.path, 'volumes', id)), false);
    });

    it('reports an image that was cut, lost or replaced under its device', async () => {
      const { health, volume, records } = rig.operations;
      const id = await make('hurt');
      await records.writeRecord('volume', id, 'text');
      const device = await open(id, raw);
      assert.deepEqual(await health.volumeHealth(id), []);
      truncateSync(image(id), 1 << 20);
      const reasons = async (): Promise<readonly string[]> =>
        (await health.volumeHealth(id)).map(({ status, reason }) => `${status} ${reason}`);
      assert.deepEqual(await reasons(), ['DataLoss ImageCut']);
      await rejects(volume.getVolumeInfo(id), 'DataLoss', /cut/);
      rmSync(image(id));
      assert.deepEqual(await reasons(), ['DataLoss DataMissing', 'DataLoss ImageReplaced']);
      await rejects(volume.getVolumeInfo(id), 'DataLoss', /missing/);
      assert.deepEqual(await rig.operations.access.devices(id), []);
      await device.close();
      execFileSync('losetup', ['--detach', device.path]);
      assert.deepEqual(await reasons(), ['DataLoss DataMissing']);
      await records.removeRecord('volume', id);
    });

    it('detaches what is left of a volume before its image is purged', async () => {
      const { trash, records, access } = rig.operations;
      const id = await make('purged');
      await records.writeRecord('volume', id, 'text');
      const device = await open(id, raw);
      await device.close();
      const entry = await trash.discard('volume', id);
      assert.ok(entry !== undefined);
      await trash.undiscard(entry);
      assert.deepEqual(await access.devices(id), [device.device]);
      const last = await trash.discard('volume', id);
      assert.ok(last !== undefined);
      await trash.purge(last, callWith());
      assert.deepEqual(loopsBackedBelow(join(rig.path, 'trash')), []);
      assert.deepEqual(readdirSync(join(rig.path, 'trash')), []);
    });
  });
}

function writeAt(path: string, text: string, offset: number): void {
  const file = openSync(path, 'r+');
  try {
    writeSync(file, text, offset);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function readAt(path: string, length: number, offset: number): string {
  const file = openSync(path, 'r');
  const buffer = Buffer.alloc(length);
  readSync(file, buffer, 0, length, offset);
  closeSync(file);
  return buffer.toString();
}
