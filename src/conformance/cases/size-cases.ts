import { statfs } from 'node:fs/promises';
import { until } from '../case-rig.ts';
import { check, checkEqual, checkRejects } from '../check.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { put, take } from '../files.ts';

const EXBIBYTE = 1n << 60n;

/** Named, because a process without CAP_SYS_RESOURCE has to skip it on ext4. */
export const ONLINE_GROWTH = 'a published volume grows under its consumer';

export const SIZE_CASES: readonly ConformanceCase[] = [
  {
    title: 'a volume grows once, keeps its data and never shrinks',
    needs: ['expand'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('grows');
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'kept'));
      const twice = volume.sizeBytes * 2n;
      const grown = await rig.pools.expandVolume(volume.id, { requiredBytes: twice }, rig.call());
      check(grown.sizeBytes >= twice, `it has ${grown.sizeBytes} bytes, asked were ${twice}`);
      checkEqual(await rig.pools.expandVolume(volume.id, { requiredBytes: twice }, rig.call()), grown, 'the repeated expansion');
      checkEqual(await rig.pools.expandVolume(volume.id, { requiredBytes: 1n }, rig.call()), grown, 'an expansion to less');
      await checkRejects(
        rig.pools.expandVolume(volume.id, { requiredBytes: 1n, limitBytes: volume.sizeBytes }, rig.call()),
        'OutOfRange',
        'a limit below the size',
      );
      checkEqual((await rig.pools.getVolume(volume.id)).sizeBytes, grown.sizeBytes, 'the size in getVolume');
      checkEqual(await rig.withFiles(volume.id, (path) => take(path, 'file')), 'kept', 'the file');
    },
  },
  {
    title: ONLINE_GROWTH,
    needs: ['expand'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('online');
      const published = await rig.publish(volume.id);
      await put(published.target, 'file', 'kept');
      const before = await statfs(published.target);
      const twice = volume.sizeBytes * 2n;
      await rig.pools.expandVolume(volume.id, { requiredBytes: twice }, rig.call());
      const bytes = await rig.node.expand(volume.id, published.target, { requiredBytes: twice }, rig.call());
      check(bytes >= twice, `the node says ${bytes} bytes, asked were ${twice}`);
      const now = await statfs(published.target);
      if (rig.isDevice)
        check(
          now.blocks * now.bsize > before.blocks * before.bsize * 1.5,
          `the file system grew from ${before.blocks} to ${now.blocks} blocks only`,
        );
      checkEqual(await take(published.target, 'file'), 'kept', 'the file');
      await rig.unpublish(volume.id, published);
    },
  },
  {
    title: 'an expansion that has no room is refused and changes nothing',
    needs: ['expand', 'capacity'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('stays');
      await checkRejects(
        rig.pools.expandVolume(volume.id, { requiredBytes: EXBIBYTE }, rig.call()),
        ['NoSpace', 'OutOfRange'],
        'growing to 1 EiB',
      );
      checkEqual(await rig.pools.getVolume(volume.id), volume, 'the volume afterwards');
    },
  },
  {
    title: 'capacity shrinks by what is promised and comes back with the delete',
    needs: ['capacity'],
    // Whoever else uses the pool changes its capacity too.
    destructive: true,
    run: async (rig) => {
      const room = async (): Promise<bigint> => (await rig.pools.capacity({ pool: rig.poolName })).availableBytes;
      const before = await room();
      const range = { requiredBytes: (before * 3n) / 4n };
      const volume = await rig.create('promised', { range });
      const left = await room();
      check(left < before / 2n, `a volume of ${volume.sizeBytes} bytes left ${left} of ${before}`);
      await checkRejects(rig.createNamed(rig.name('second'), { range }), ['NoSpace', 'OutOfRange'], 'a second volume of that size');
      await rig.deleteVolume(volume.id);
      await rig.settle();
      await until(async () => (await room()) > (before * 9n) / 10n, 'the capacity coming back');
    },
  },
];
