import { open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../../convoy/errors.ts';
import type { VolumeCapability } from '../../publish/api.ts';
import { type CaseRig, insist } from '../case-rig.ts';
import { check, checkEqual, checkRejects } from '../check.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { put, take } from '../files.ts';

export const PUBLISH_CASES: readonly ConformanceCase[] = [
  {
    title: 'data stays when a volume is unpublished and published again',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('stays');
      const first = await rig.publish(volume.id);
      await put(first.target, 'file', 'kept');
      await rig.unpublish(volume.id, first);
      checkEqual(await rig.node.published(volume.id), [], 'what is published after the unpublish');
      const second = await rig.publish(volume.id);
      checkEqual(await take(second.target, 'file'), 'kept', 'the file');
      await rig.unpublish(volume.id, second);
    },
  },
  {
    title: 'stage, publish, unpublish and unstage may each come twice',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('twice');
      const published = await rig.publish(volume.id);
      const capability = rig.capability();
      await rig.node.stage({ volumeId: volume.id, stagingPath: published.staging, capability }, rig.call());
      await rig.node.publish(
        { volumeId: volume.id, stagingPath: published.staging, targetPath: published.target, capability, readOnly: false },
        rig.call(),
      );
      await put(published.target, 'file', 'once');
      for (let again = 0; again < 2; again += 1) await rig.unpublish(volume.id, published);
      checkEqual(await readdir(published.staging), [], 'the staging directory afterwards');
    },
  },
  {
    title: 'a read-only publish shows the data and refuses writes',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('read only');
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'seen'));
      const published = await rig.publish(volume.id, { readOnly: true });
      checkEqual(await take(published.target, 'file'), 'seen', 'the file');
      const refused = await writeFile(join(published.target, 'new'), 'x').then(
        () => false,
        (error: unknown) => isErrno(error, 'EROFS'),
      );
      check(refused, 'a write to a read-only target was not refused with EROFS');
      await rig.unpublish(volume.id, published);
    },
  },
  {
    title: 'two targets of one volume show the same files, and the first may go before the second',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('shared');
      const one = await rig.publish(volume.id, { mode: 'SINGLE_NODE_MULTI_WRITER' });
      const other = await rig.publish(volume.id, { mode: 'SINGLE_NODE_MULTI_WRITER', staging: one.staging });
      await put(one.target, 'file', 'both');
      checkEqual(await take(other.target, 'file'), 'both', 'the file by the other target');
      await rig.unpublish(volume.id, { target: one.target });
      await put(other.target, 'file', 'still there');
      await rig.unpublish(volume.id, other);
    },
  },
  {
    title: 'a volume for a single writer is published at one target only',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('single');
      const mode = 'SINGLE_NODE_SINGLE_WRITER';
      const one = await rig.publish(volume.id, { mode });
      const target = await rig.freshPath('target');
      const second = rig.node.publish(
        { volumeId: volume.id, stagingPath: one.staging, targetPath: target, capability: rig.capability(mode), readOnly: false },
        rig.call(),
      );
      await checkRejects(second, 'Precondition', 'a second target');
      await rig.unpublish(volume.id, one);
    },
  },
  {
    title: 'a volume in use is not deleted',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('used');
      const published = await rig.publish(volume.id);
      await put(published.target, 'file', 'kept');
      await checkRejects(rig.pools.deleteVolume(volume.id, {}, rig.call()), 'InUse', 'deleting a published volume');
      checkEqual(await take(published.target, 'file'), 'kept', 'the file');
      await insist(() => rig.node.unpublish(volume.id, published.target, rig.call()));
      if (rig.isDevice) await checkRejects(rig.pools.deleteVolume(volume.id, {}, rig.call()), 'InUse', 'deleting a staged volume');
      await rig.unpublish(volume.id, published);
      await rig.deleteVolume(volume.id);
    },
  },
  {
    title: 'a volume with something mounted below it is not deleted',
    needs: [],
    access: 'directory',
    destructive: true,
    run: async (rig) => {
      const volume = await rig.create('mounted below');
      const opened = await (await rig.pools.peekVolume(volume.id)).openAccess({ readOnly: false, raw: false });
      const unmount = await rig.destructive.mountAt(opened.path);
      try {
        await checkRejects(rig.pools.deleteVolume(volume.id, {}, rig.call()), 'InUse', 'deleting it');
      } finally {
        await unmount();
        await opened.close();
      }
      await rig.deleteVolume(volume.id);
    },
  },
  {
    title: 'statistics of a published volume add up, and of a path where it is not there are none',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('measured');
      const published = await rig.publish(volume.id);
      const { bytes, inodes, block } = await rig.node.stats(volume.id, published.target);
      check(!block, 'a mounted volume is said to be a block device');
      check(
        bytes.total > 0n && bytes.used + bytes.available <= bytes.total,
        `bytes do not add up: ${bytes.used} used, ${bytes.available} available of ${bytes.total}`,
      );
      check(inodes === undefined || inodes.used <= inodes.total, 'more inodes are used than there are');
      await rig.unpublish(volume.id, published);
      await checkRejects(rig.node.stats(volume.id, published.target), 'NotFound', 'statistics after the unpublish');
    },
  },
  {
    title: 'a raw volume gives back what was written to it, and read-only is read-only',
    needs: [],
    access: 'device',
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('raw', { use: { mount: false, block: true } });
      const written = Buffer.alloc(4096, 'raw');
      await withRaw(rig, volume.id, false, async (path) => {
        const device = await open(path, 'r+');
        try {
          await device.write(written, 0, written.length, 0);
          await device.sync();
        } finally {
          await device.close();
        }
      });
      await withRaw(rig, volume.id, true, async (path) => {
        const device = await open(path, 'r');
        try {
          const found = Buffer.alloc(written.length);
          await device.read(found, 0, found.length, 0);
          check(found.equals(written), 'other bytes came back than were written');
        } finally {
          await device.close();
        }
        check(await refusesWrites(path, written), 'a write to a read-only device was not refused');
      });
    },
  },
];

const BLOCK: VolumeCapability = { mode: 'SINGLE_NODE_WRITER', access: { kind: 'block' } };

async function withRaw(rig: CaseRig, volumeId: string, readOnly: boolean, work: (path: string) => Promise<void>): Promise<void> {
  const stagingPath = await rig.freshDirectory('staging');
  const targetPath = await rig.freshPath('device');
  await insist(() => rig.node.stage({ volumeId, stagingPath, capability: BLOCK }, rig.call()));
  await insist(() => rig.node.publish({ volumeId, stagingPath, targetPath, capability: BLOCK, readOnly }, rig.call()));
  try {
    await work(targetPath);
  } finally {
    await rig.unpublish(volumeId, { staging: stagingPath, target: targetPath });
  }
}

async function refusesWrites(path: string, bytes: Buffer): Promise<boolean> {
  try {
    const device = await open(path, 'r+');
    try {
      await device.write(bytes, 0, bytes.length, 0);
      await device.sync();
      return false;
    } finally {
      await device.close();
    }
  } catch (error) {
    return isErrno(error, 'EPERM', 'EACCES', 'EROFS', 'EIO');
  }
}
