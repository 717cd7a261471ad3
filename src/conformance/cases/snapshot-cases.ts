import { statfs } from 'node:fs/promises';
import { insist } from '../case-rig.ts';
import { check, checkEqual, checkRejects } from '../check.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { describeTree, plantTree, put, take } from '../files.ts';

const MANY = 50;

export const SNAPSHOT_CASES: readonly ConformanceCase[] = [
  {
    title: 'the same snapshot five times is one, with one time of its cut',
    needs: ['snapshot'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('source');
      const first = await rig.snapshot('snap', volume.id);
      checkEqual(first.id, rig.snapshotId(first.name), 'the id');
      checkEqual([first.sourceVolumeId, first.readyToUse], [volume.id, true], 'source and readiness');
      for (let again = 0; again < 4; again += 1) checkEqual(await rig.snapshot('snap', volume.id), first, 'the repeated snapshot');
      const other = await rig.create('other');
      await checkRejects(rig.snapshotNamed(first.name, other.id), 'AlreadyExists', 'the same name for another volume');
      for (let again = 0; again < 3; again += 1) await rig.deleteSnapshot(first.id);
      await checkRejects(rig.pools.getSnapshot(first.id), 'NotFound', 'the deleted snapshot');
    },
  },
  {
    title: 'what is written to a volume, its snapshot or a restore shows in none of the others',
    needs: ['snapshot', 'clone'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('source');
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'first'));
      const snapshot = await rig.snapshot('snap', volume.id);
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'second'));
      const restored = await rig.restore('restored', snapshot.id);
      checkEqual(await rig.withFiles(restored.id, (path) => take(path, 'file')), 'first', 'the file in the restore');
      await rig.withFiles(restored.id, (path) => put(path, 'file', 'third'));
      checkEqual(await rig.withFiles(volume.id, (path) => take(path, 'file')), 'second', 'the file in the volume');
      const again = await rig.restore('again', snapshot.id);
      checkEqual(await rig.withFiles(again.id, (path) => take(path, 'file')), 'first', 'the file in a second restore');
    },
  },
  {
    title: 'a snapshot of a mounted volume has what was written and synced before it',
    needs: ['snapshot', 'clone'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('source');
      const snapshot = await rig.withFiles(volume.id, async (path) => {
        await put(path, 'file', 'before');
        const cut = await rig.snapshot('snap', volume.id);
        await put(path, 'file', 'after');
        return cut;
      });
      const restored = await rig.restore('restored', snapshot.id);
      checkEqual(await rig.withFiles(restored.id, (path) => take(path, 'file')), 'before', 'the file in the restore');
    },
  },
  {
    title: 'a snapshot outlives its volume, and a restore outlives its snapshot',
    needs: ['snapshot', 'clone'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('source');
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'kept'));
      const snapshot = await rig.snapshot('snap', volume.id);
      await rig.deleteVolume(volume.id);
      checkEqual((await rig.pools.getSnapshot(snapshot.id)).sourceVolumeId, volume.id, 'the source of the snapshot');
      const restored = await rig.restore('restored', snapshot.id);
      await rig.deleteSnapshot(snapshot.id);
      checkEqual(await rig.withFiles(restored.id, (path) => take(path, 'file')), 'kept', 'the file in the restore');
    },
  },
  {
    title: 'a restore may be larger than its snapshot, never smaller',
    needs: ['snapshot', 'clone'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('source');
      const before = await rig.withFiles(volume.id, async (path) => {
        await put(path, 'file', 'grown');
        return statfs(path);
      });
      const snapshot = await rig.snapshot('snap', volume.id);
      const less = rig.createNamed(rig.name('less'), {
        source: { kind: 'snapshot', snapshotId: snapshot.id },
        range: { requiredBytes: volume.sizeBytes - 1n },
      });
      await checkRejects(less, ['OutOfRange', 'InvalidArgument'], 'a restore smaller than the snapshot');
      const twice = volume.sizeBytes * 2n;
      const restored = await rig.restore('twice', snapshot.id, { range: { requiredBytes: twice } });
      check(restored.sizeBytes >= twice, `the restore has ${restored.sizeBytes} bytes, asked were ${twice}`);
      await rig.withFiles(restored.id, async (path) => {
        checkEqual(await take(path, 'file'), 'grown', 'the file in the restore');
        const now = await statfs(path);
        // A device's file system fills the device once it is mounted; a directory shows its storage's.
        if (rig.isDevice)
          check(
            now.blocks * now.bsize > before.blocks * before.bsize * 1.5,
            `the file system grew from ${before.blocks} to ${now.blocks} blocks only`,
          );
      });
    },
  },
  {
    title: 'a clone has what its source had, and then its own life',
    needs: ['clone'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('source');
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'first'));
      const clone = await rig.create('clone', { source: { kind: 'volume', volumeId: volume.id } });
      checkEqual(await rig.create('clone', { source: { kind: 'volume', volumeId: volume.id } }), clone, 'the repeated clone');
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'second'));
      checkEqual(await rig.withFiles(clone.id, (path) => take(path, 'file')), 'first', 'the file in the clone');
      await rig.withFiles(clone.id, (path) => put(path, 'file', 'third'));
      checkEqual(await rig.withFiles(volume.id, (path) => take(path, 'file')), 'second', 'the file in the source');
      await rig.deleteVolume(volume.id);
      checkEqual(await rig.withFiles(clone.id, (path) => take(path, 'file')), 'third', 'the file once the source is gone');
    },
  },
  {
    title: 'owner, mode, times, links, holes and odd names come through a restore and a clone',
    needs: ['snapshot', 'clone'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('source');
      const planted = await rig.withFiles(volume.id, async (path) => {
        await plantTree(path);
        return describeTree(path);
      });
      const snapshot = await rig.snapshot('snap', volume.id);
      const restored = await rig.restore('restored', snapshot.id);
      checkEqual(await rig.withFiles(restored.id, describeTree), planted, 'the tree in the restore');
      const clone = await rig.create('clone', { source: { kind: 'volume', volumeId: volume.id } });
      checkEqual(await rig.withFiles(clone.id, describeTree), planted, 'the tree in the clone');
    },
  },
  {
    title: 'fifty restores of one snapshot at once all succeed',
    needs: ['snapshot', 'clone'],
    destructive: true,
    run: async (rig) => {
      const volume = await rig.create('source');
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'shared'));
      const snapshot = await rig.snapshot('snap', volume.id);
      const restores = await Promise.all(Array.from({ length: MANY }, (_, index) => rig.restore(`restored ${index}`, snapshot.id)));
      checkEqual(new Set(restores.map((each) => each.id)).size, MANY, 'different ids');
      for (const each of [restores[0], restores[MANY - 1]])
        checkEqual(await rig.withFiles(each?.id ?? '', (path) => take(path, 'file')), 'shared', 'the file in a restore');
    },
  },
  {
    title: 'a snapshot deleted while it is restored is either refused or fully restored first',
    needs: ['snapshot', 'clone'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('source');
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'whole'));
      const snapshot = await rig.snapshot('snap', volume.id);
      const restoring = insist(() => rig.createNamed(rig.name('restored'), { source: { kind: 'snapshot', snapshotId: snapshot.id } }));
      const deleting = rig.deleteSnapshot(snapshot.id);
      const [restored] = await Promise.allSettled([restoring, deleting]);
      if (restored.status === 'fulfilled')
        checkEqual(await rig.withFiles(restored.value.id, (path) => take(path, 'file')), 'whole', 'the file in the restore');
      else await checkRejects(restoring, 'NotFound', 'a restore that came too late');
    },
  },
];
