import { ConvoyError } from '../../convoy/errors.ts';
import type { CaseRig } from '../case-rig.ts';
import { check, checkEqual, checkNothingChanged } from '../check.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { put, take } from '../files.ts';

/** What a full disk may say. Succeeding is fine too: an empty directory or a shared block needs no room. */
const FULL = ['NoSpace', 'OutOfRange'];

export const FULL_DISK_CASES: readonly ConformanceCase[] = [
  {
    title: 'a full disk refuses what needs room, leaves nothing of it, harms no other volume, and serves again once freed',
    needs: [],
    destructive: true,
    run: async (rig) => {
      const kept = await rig.create('kept');
      await rig.withFiles(kept.id, (path) => put(path, 'file', 'kept'));
      const before = await rig.destructive.inventory();
      const free = await rig.destructive.fill();
      try {
        await tryOnFullDisk(rig, 'a create', () => rig.createNamed(rig.name('more')));
        if (has(rig, 'snapshot')) await tryOnFullDisk(rig, 'a snapshot', () => rig.snapshotNamed(rig.name('snap'), kept.id));
        if (has(rig, 'clone'))
          await tryOnFullDisk(rig, 'a clone', () => rig.createNamed(rig.name('clone'), { source: { kind: 'volume', volumeId: kept.id } }));
        if (has(rig, 'expand'))
          await tryOnFullDisk(rig, 'an expansion', () =>
            rig.pools.expandVolume(kept.id, { requiredBytes: kept.sizeBytes * 2n }, rig.call()),
          );
        for (const name of ['more', 'clone']) await rig.deleteVolume(rig.volumeId(rig.name(name)));
        await rig.deleteSnapshot(rig.snapshotId(rig.name('snap')));
        await rig.settle();
      } finally {
        await free();
      }
      checkNothingChanged(await rig.destructive.inventory(), before, 'left over or lost once the disk is free again');
      checkEqual(await rig.withFiles(kept.id, (path) => take(path, 'file')), 'kept', 'the file of another volume');
      const after = await rig.create('after');
      await rig.withFiles(after.id, (path) => put(path, 'file', 'works again'));
    },
  },
];

const has = (rig: CaseRig, group: 'snapshot' | 'clone' | 'expand'): boolean => rig.status.operations?.includes(group) === true;

async function tryOnFullDisk(rig: CaseRig, what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    check(
      error instanceof ConvoyError && FULL.includes(error.code),
      `${what} on the full disk failed as ${error instanceof ConvoyError ? error.code : 'no ConvoyError'}: ${String(error)}`,
    );
  }
  await rig.settle();
}
