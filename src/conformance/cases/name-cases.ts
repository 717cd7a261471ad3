import type { CaseRig } from '../case-rig.ts';
import { check, checkEqual, checkNothingChanged, checkRejects } from '../check.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** Allowed by CSI, each the end of something that took a name for a path, an option or a key. */
const HOSTILE_NAMES = [
  '../../etc',
  '/',
  '.',
  '..',
  '-rf',
  '__proto__',
  'constructor',
  'two\nlines',
  'tab\there',
  '$(id)',
  '%s%n',
  '*',
  '🐋💥',
  'ÅÅ',
  'a.partial',
  ' ',
];
const FORBIDDEN_NAMES = ['nul\0', 'bell\u0007', 'escape\u001b[2J', 'c1\u0085'];
const MAX_NAME_BYTES = 128;

/** None was ever handed out, so each "does not exist". */
const HOSTILE_IDS = [
  '../../etc/passwd',
  '/etc',
  '.',
  '..',
  '-rf',
  '__proto__',
  'a'.repeat(5000),
  'p.global.v',
  `p.global.v${'0'.repeat(31)}g`,
  'with\nnewline',
  'nul\0',
  '🐋',
];

export const NAME_CASES: readonly ConformanceCase[] = [
  {
    title: 'hostile names are names like any other',
    needs: [],
    destructive: false,
    run: async (rig) => {
      for (const hostile of HOSTILE_NAMES) await makeFindDelete(rig, rig.name(hostile));
      await makeFindDelete(rig, rig.name('x'.repeat(MAX_NAME_BYTES - rig.name('').length)));
    },
  },
  {
    title: 'hostile names stand alone without harm',
    needs: [],
    destructive: true,
    run: async (rig) => {
      for (const hostile of HOSTILE_NAMES) await makeFindDelete(rig, hostile);
    },
  },
  {
    title: 'a name that is too long or holds control characters is refused, and nothing is made',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const long = rig.name('é'.repeat(MAX_NAME_BYTES));
      for (const name of ['', long, ...FORBIDDEN_NAMES.map((each) => rig.name(each))]) {
        // Straight, not by the rig: there is nothing to clean up.
        const input = { ...rig.input(rig.name('template')), name };
        await checkRejects(rig.pools.createVolume(input, rig.call()), 'InvalidArgument', `the name ${JSON.stringify(name.slice(0, 40))}`);
      }
    },
  },
  {
    title: 'names that differ in case only are different volumes',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const [lower, upper] = [await rig.create('name'), await rig.create('NAME')];
      check(lower.id !== upper.id, 'the two have the same id');
      await rig.deleteVolume(lower.id);
      checkEqual((await rig.pools.getVolume(upper.id)).name, rig.name('NAME'), 'the other volume');
    },
  },
  {
    title: 'hostile ids are not found by any call, and nothing is touched',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const kept = await rig.create('kept');
      const before = rig.isDestructive ? await rig.destructive.inventory() : [];
      for (const id of [...HOSTILE_IDS, `${kept.id}/..`, `${kept.id}\n`, kept.id.toUpperCase(), rig.snapshotId('a snapshot')])
        await checkNowhere(rig, id);
      if (rig.isDestructive) checkNothingChanged(await rig.destructive.inventory(), before, 'touched by hostile ids');
      checkEqual(await rig.pools.getVolume(kept.id), kept, 'another volume afterwards');
    },
  },
  {
    title: 'an id of a pool that is not configured is Unavailable, for deletes too',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const elsewhere = rig.volumeId('x').replace(/^[^.]*/, 'not-configured');
      const snapshot = rig.snapshotId('x').replace(/^[^.]*/, 'not-configured');
      await checkRejects(rig.pools.getVolume(elsewhere), 'Unavailable', 'getVolume');
      await checkRejects(rig.pools.deleteVolume(elsewhere, {}, rig.call()), 'Unavailable', 'deleteVolume');
      await checkRejects(rig.pools.deleteSnapshot(snapshot, rig.call()), 'Unavailable', 'deleteSnapshot');
    },
  },
];

async function makeFindDelete(rig: CaseRig, name: string): Promise<void> {
  const volume = await rig.createNamed(name);
  checkEqual(volume.name, name, 'the name');
  checkEqual(volume.id, rig.volumeId(name), `the id of ${JSON.stringify(name)}`);
  checkEqual((await rig.pools.findVolume(name, rig.poolName))?.id, volume.id, `finding ${JSON.stringify(name)}`);
  await rig.deleteVolume(volume.id);
}

async function checkNowhere(rig: CaseRig, id: string): Promise<void> {
  const shown = JSON.stringify(id.slice(0, 40));
  const call = rig.call();
  await rig.pools.deleteVolume(id, {}, call);
  await rig.pools.deleteSnapshot(id, call);
  await checkRejects(rig.pools.getVolume(id), 'NotFound', `getVolume ${shown}`);
  await checkRejects(rig.pools.expandVolume(id, { requiredBytes: rig.smallBytes }, call), 'NotFound', `expandVolume ${shown}`);
  await checkRejects(rig.pools.volumeHealth(id), 'NotFound', `volumeHealth ${shown}`);
  await checkRejects(rig.snapshotNamed(rig.name('of nothing'), id), ['NotFound', 'NotSupported'], `createSnapshot of ${shown}`);
  const from = (source: Parameters<CaseRig['createNamed']>[1]) => rig.createNamed(rig.name('from nothing'), source);
  await checkRejects(from({ source: { kind: 'volume', volumeId: id } }), ['NotFound', 'NotSupported'], `clone of ${shown}`);
  await checkRejects(from({ source: { kind: 'snapshot', snapshotId: id } }), ['NotFound', 'NotSupported'], `restore of ${shown}`);
  const staging = await rig.freshDirectory('staging');
  await checkRejects(
    rig.node.stage({ volumeId: id, stagingPath: staging, capability: rig.capability() }, call),
    'NotFound',
    `stage ${shown}`,
  );
  await checkRejects(rig.node.stats(id, staging), 'NotFound', `stats ${shown}`);
}
