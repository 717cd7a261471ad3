import { isConvoyError } from '../../convoy/errors.ts';
import { insist } from '../case-rig.ts';
import { check, checkEqual } from '../check.ts';
import type { ConformanceCase } from '../conformance-case.ts';

const MANY = 20;

export const CONCURRENCY_CASES: readonly ConformanceCase[] = [
  {
    title: 'many creates of one name at once make one volume, and none fails but as busy',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const settled = await Promise.allSettled(Array.from({ length: MANY }, () => rig.createNamed(rig.name('one'))));
      const failed = settled.filter((each) => each.status === 'rejected').map((each) => each.reason as unknown);
      checkEqual(failed.filter((error) => !isConvoyError(error, 'Busy')).map(String), [], 'failures that are not Busy');
      const made = settled.filter((each) => each.status === 'fulfilled').map((each) => each.value.id);
      checkEqual([...new Set(made)], [rig.volumeId(rig.name('one'))], 'the ids that were answered');
      const { entries } = await rig.pools.listVolumes({ maxEntries: 0, startingToken: '' });
      checkEqual(entries.filter((each) => each.name === rig.name('one')).length, 1, 'volumes of that name');
    },
  },
  {
    title: 'creates of different names at once all succeed',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const volumes = await Promise.all(Array.from({ length: 8 }, (_, index) => rig.create(`volume ${index}`)));
      checkEqual(new Set(volumes.map((each) => each.id)).size, 8, 'different ids');
    },
  },
  {
    title: 'a create and a delete of one volume at once leave a whole volume or none',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const name = rig.name('contested');
      for (let round = 0; round < 5; round += 1) {
        await Promise.allSettled([
          rig.createNamed(name),
          rig.pools.deleteVolume(rig.volumeId(name), {}, rig.call()),
          rig.createNamed(name),
        ]);
        const found = await insist(() => rig.pools.findVolume(name, rig.poolName));
        check(found === undefined || found.state !== 'deleting', `the volume is left as ${found?.state}`);
        const made = await insist(() => rig.createNamed(name));
        checkEqual(await rig.pools.getVolume(made.id), made, 'the volume once it is created again');
        await rig.deleteVolume(made.id);
      }
    },
  },
  {
    title: 'snapshots of one volume at once are all whole',
    needs: ['snapshot', 'clone'],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('source');
      const snapshots = await Promise.all(Array.from({ length: 5 }, (_, index) => rig.snapshot(`snap ${index}`, volume.id)));
      checkEqual(new Set(snapshots.map((each) => each.id)).size, 5, 'different ids');
      await rig.restore('restored', snapshots[4]?.id ?? '');
    },
  },
];
