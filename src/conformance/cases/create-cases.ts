import type { CaseRig } from '../case-rig.ts';
import { check, checkEqual, checkRejects } from '../check.ts';
import type { ConformanceCase } from '../conformance-case.ts';

const EXBIBYTE = 1n << 60n;

export const CREATE_CASES: readonly ConformanceCase[] = [
  {
    title: 'the same create five times gives one volume, five times the same',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const first = await rig.create('same');
      for (let again = 0; again < 4; again += 1) checkEqual(await rig.create('same'), first, 'the repeated create');
      checkEqual(await rig.pools.getVolume(first.id), first, 'getVolume');
      checkEqual((await rig.pools.findVolume(first.name, rig.poolName))?.id, first.id, 'findVolume by name');
    },
  },
  {
    title: 'the id comes from the name, before and after a delete',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const first = await rig.create('again');
      checkEqual(first.id, rig.volumeId(first.name), 'the id');
      await rig.deleteVolume(first.id);
      checkEqual((await rig.create('again')).id, first.id, 'the id of the second volume of this name');
    },
  },
  {
    title: 'a size is met, and a size that cannot be met is refused',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const odd = rig.smallBytes + 1n;
      const volume = await rig.create('odd', { range: { requiredBytes: odd } });
      check(volume.sizeBytes >= odd, `a volume of at least ${odd} bytes has ${volume.sizeBytes}`);
      const unit = rig.status.properties?.sizeUnitBytes ?? 1n;
      checkEqual(volume.sizeBytes % unit, 0n, `the remainder of the size by the pool's unit ${unit}`);
      await checkRejects(
        rig.createNamed(rig.name('shrunk'), { range: { requiredBytes: odd, limitBytes: odd - 1n } }),
        ['OutOfRange', 'InvalidArgument'],
        'a limit below the required size',
      );
      if (rig.status.operations?.includes('capacity'))
        await checkRejects(
          rig.createNamed(rig.name('vast'), { range: { requiredBytes: EXBIBYTE } }),
          ['NoSpace', 'OutOfRange'],
          'a volume of 1 EiB',
        );
    },
  },
  {
    title: 'a create of the same name with other terms is refused and changes nothing',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('taken');
      type Terms = Parameters<CaseRig['createNamed']>[1];
      const conflicts: [string, Terms][] = [
        ['a larger size', { range: { requiredBytes: volume.sizeBytes + 1n } }],
        ['a limit below its size', { range: { requiredBytes: 1n, limitBytes: volume.sizeBytes - 1n } }],
      ];
      if (rig.isDevice)
        conflicts.push(['another use', { use: { mount: false, block: true } }], ['another option', { options: { format: false } }]);
      if (rig.status.operations?.includes('clone')) conflicts.push(['a source', { source: { kind: 'volume', volumeId: volume.id } }]);
      for (const [what, terms] of conflicts) await checkRejects(rig.createNamed(volume.name, terms), ['AlreadyExists', 'OutOfRange'], what);
      checkEqual(await rig.pools.getVolume(volume.id), volume, 'the volume afterwards');
      const within = await rig.createNamed(volume.name, { range: { requiredBytes: 1n, limitBytes: volume.sizeBytes } });
      checkEqual(within, volume, 'a create whose range has the size');
    },
  },
  {
    title: 'a delete is done once and fine ever after, and an absent volume is not found',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const volume = await rig.create('gone');
      for (let again = 0; again < 3; again += 1) await rig.deleteVolume(volume.id);
      await rig.deleteVolume(rig.volumeId(rig.name('never made')));
      await checkRejects(rig.pools.getVolume(volume.id), 'NotFound', 'the deleted volume');
      checkEqual(await rig.pools.findVolume(volume.name, rig.poolName), undefined, 'findVolume of the deleted name');
    },
  },
];
