import { checkEqual } from '../check.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { put, take } from '../files.ts';

export const RESTART_CASES: readonly ConformanceCase[] = [
  {
    title: 'volumes, their data and their facts are the same after a restart',
    needs: [],
    destructive: true,
    run: async (rig) => {
      const volume = await rig.create('kept');
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'kept'));
      const before = await rig.pools.getVolume(volume.id);
      await rig.destructive.reopen();
      checkEqual(await rig.pools.getVolume(volume.id), before, 'the volume');
      checkEqual((await rig.create('kept')).id, volume.id, 'the id of the repeated create');
      checkEqual(await rig.withFiles(volume.id, (path) => take(path, 'file')), 'kept', 'the file');
    },
  },
  {
    title: 'what is published stays so over a restart, and is unpublished by the new process',
    needs: [],
    destructive: true,
    run: async (rig) => {
      for (const killed of [false, true]) {
        const volume = await rig.create(`published ${killed}`);
        const published = await rig.publish(volume.id);
        await put(published.target, 'before', 'restart');
        await rig.destructive.reopen({ killed });
        await put(published.target, 'after', 'restart');
        checkEqual(await take(published.target, 'before'), 'restart', 'the file from before');
        await rig.unpublish(volume.id, published);
        await rig.deleteVolume(volume.id);
      }
    },
  },
  {
    title: 'the time of a snapshot is the same after a restart',
    needs: ['snapshot'],
    destructive: true,
    run: async (rig) => {
      const volume = await rig.create('source');
      const snapshot = await rig.snapshot('snap', volume.id);
      await rig.destructive.reopen();
      checkEqual(await rig.pools.getSnapshot(snapshot.id), snapshot, 'the snapshot');
      checkEqual(await rig.snapshot('snap', volume.id), snapshot, 'the repeated snapshot');
    },
  },
];
