import type { Operations } from '../../convoy/contract.ts';
import { localId } from '../../convoy/ids.ts';
import { type CaseRig, insist } from '../case-rig.ts';
import { ConformanceError, check, checkEqual, checkNothingChanged, checkRejects } from '../check.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import type { FaultKind } from '../faults.ts';
import { put, take } from '../files.ts';

/** No call has as many steps; a loop that gets here is a defect of the suite. */
const MOST_STEPS = 200;

/** One call that must survive its death at any step. */
interface Survivor<Subject> {
  readonly what: string;
  readonly needs: readonly (keyof Operations)[];
  /** What the call needs, made once. */
  readonly prepare: (rig: CaseRig) => Promise<Subject>;
  /** The call, the same at each try. `round` gives a fresh object a round. */
  readonly act: (rig: CaseRig, subject: Subject, round: string) => Promise<unknown>;
  /** What must be true after the call at last succeeded. */
  readonly verify: (rig: CaseRig, subject: Subject, round: string) => Promise<void>;
  /** Made before each round, where the call works on something. */
  readonly before?: (rig: CaseRig, subject: Subject, round: string) => Promise<void>;
  readonly after?: (rig: CaseRig, subject: Subject, round: string) => Promise<void>;
}

interface Source {
  readonly volumeId: string;
  readonly snapshotId: string;
  /** Where something is staged. */
  readonly staging: string;
}
/** A node that is not this one. */
const OTHER_NODE = 'other node';

const SURVIVORS: readonly Survivor<Source>[] = [
  {
    what: 'a create',
    needs: [],
    prepare: async () => NO_SOURCE,
    act: (rig, _source, round) => rig.createNamed(rig.name(round)),
    verify: async (rig, _source, round) =>
      checkEqual(await rig.withFiles(rig.volumeId(rig.name(round)), (path) => take(path, 'file')), undefined, 'a file in the new volume'),
  },
  {
    what: 'a restore',
    needs: ['snapshot', 'clone'],
    prepare: makeSource,
    act: (rig, { snapshotId }, round) => rig.createNamed(rig.name(round), { source: { kind: 'snapshot', snapshotId } }),
    verify: verifyCopy,
  },
  {
    what: 'a clone',
    needs: ['snapshot', 'clone'],
    prepare: makeSource,
    act: (rig, { volumeId }, round) => rig.createNamed(rig.name(round), { source: { kind: 'volume', volumeId } }),
    verify: verifyCopy,
  },
  {
    what: 'a snapshot',
    needs: ['snapshot', 'clone'],
    prepare: makeSource,
    act: (rig, { volumeId }, round) => rig.snapshotNamed(rig.name(round), volumeId),
    verify: async (rig, source, round) => {
      const { volumeId } = source;
      const snapshot = await rig.snapshot(round, volumeId);
      await rig.restore(`${round} restored`, snapshot.id);
      await verifyCopy(rig, source, `${round} restored`);
    },
    after: async (rig, _source, round) => {
      await rig.deleteVolume(rig.volumeId(rig.name(`${round} restored`)));
      await rig.deleteSnapshot(rig.snapshotId(rig.name(round)));
    },
  },
  {
    what: 'a delete',
    needs: [],
    prepare: async () => NO_SOURCE,
    before: async (rig, _source, round) => {
      const volume = await rig.create(round);
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'goes'));
    },
    act: (rig, _source, round) => rig.pools.deleteVolume(rig.volumeId(rig.name(round)), {}, rig.call()),
    verify: async (rig, _source, round) => {
      await checkRejects(rig.pools.getVolume(rig.volumeId(rig.name(round))), 'NotFound', 'the deleted volume');
      const anew = await rig.create(round);
      checkEqual(
        await rig.withFiles(anew.id, (path) => take(path, 'file')),
        undefined,
        'a file of the deleted volume in a new one of its name',
      );
    },
  },
  {
    what: 'the delete of a snapshot',
    needs: ['snapshot', 'clone'],
    prepare: makeSource,
    before: async (rig, { volumeId }, round) => {
      await rig.snapshot(round, volumeId);
    },
    act: (rig, _source, round) => rig.pools.deleteSnapshot(rig.snapshotId(rig.name(round)), rig.call()),
    verify: async (rig, _source, round) => {
      await checkRejects(rig.pools.getSnapshot(rig.snapshotId(rig.name(round))), 'NotFound', 'the deleted snapshot');
    },
  },
  {
    what: 'an expansion',
    needs: ['expand'],
    prepare: async () => NO_SOURCE,
    before: async (rig, _source, round) => {
      const volume = await rig.create(round);
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'kept'));
    },
    act: (rig, _source, round) => rig.pools.expandVolume(rig.volumeId(rig.name(round)), { requiredBytes: rig.smallBytes * 2n }, rig.call()),
    verify: async (rig, _source, round) => {
      const id = rig.volumeId(rig.name(round));
      checkEqual((await rig.pools.getVolume(id)).sizeBytes, rig.smallBytes * 2n, 'the size');
      checkEqual(await rig.withFiles(id, (path) => take(path, 'file')), 'kept', 'the file');
    },
  },
  {
    what: 'the hold of another node',
    needs: ['holders'],
    prepare: async () => NO_SOURCE,
    before: async (rig, _source, round) => {
      await rig.create(round);
    },
    act: (rig, _source, round) => rig.hold(rig.name(round), OTHER_NODE),
    verify: async (rig, _source, round) => checkEqual(await holdersOf(rig, round), [OTHER_NODE], 'who holds it'),
    after: (rig, _source, round) => rig.letGo(rig.name(round), OTHER_NODE),
  },
  {
    what: 'the end of a hold',
    needs: ['holders'],
    prepare: async () => NO_SOURCE,
    before: async (rig, _source, round) => {
      await rig.create(round);
      await rig.hold(rig.name(round), OTHER_NODE);
    },
    act: (rig, _source, round) => rig.letGo(rig.name(round), OTHER_NODE),
    verify: async (rig, _source, round) => checkEqual(await holdersOf(rig, round), [], 'who holds it'),
  },
  {
    what: 'a stage',
    needs: ['holders'],
    prepare: async (rig) => ({ ...NO_SOURCE, staging: await rig.freshDirectory('staging') }),
    before: async (rig, _source, round) => {
      await rig.create(round);
    },
    act: (rig, { staging }, round) =>
      rig.node.stage({ volumeId: rig.volumeId(rig.name(round)), stagingPath: staging, capability: rig.capability() }, rig.call()),
    verify: async (rig, _source, round) => checkEqual(await holdersOf(rig, round), [rig.pools.nodeName], 'who holds it'),
    after: async (rig, { staging }, round) => {
      await rig.node.unstage(rig.volumeId(rig.name(round)), staging, rig.call());
      checkEqual(await holdersOf(rig, round), [], 'who holds it after the unstage');
    },
  },
  {
    what: 'an unstage',
    needs: ['holders'],
    prepare: async (rig) => ({ ...NO_SOURCE, staging: await rig.freshDirectory('staging') }),
    before: async (rig, { staging }, round) => {
      const { id } = await rig.create(round);
      await insist(() => rig.node.stage({ volumeId: id, stagingPath: staging, capability: rig.capability() }, rig.call()));
    },
    act: (rig, { staging }, round) => rig.node.unstage(rig.volumeId(rig.name(round)), staging, rig.call()),
    verify: async (rig, _source, round) => checkEqual(await holdersOf(rig, round), [], 'who holds it'),
  },
];

const KINDS: Readonly<Record<FaultKind, string>> = {
  crash: 'killed at any step and called again gives the same as without, and leaves nothing behind',
  fail: 'failing at any step and called again gives the same as without, and leaves nothing behind',
};

export const CRASH_CASES: readonly ConformanceCase[] = SURVIVORS.flatMap((survivor) =>
  (['crash', 'fail'] as const).map((kind) => ({
    title: `${survivor.what} ${KINDS[kind]}`,
    needs: survivor.needs,
    destructive: true,
    run: (rig: CaseRig) => surviveAll(rig, survivor, kind),
  })),
);

async function surviveAll(rig: CaseRig, survivor: Survivor<Source>, kind: FaultKind): Promise<void> {
  const source = await survivor.prepare(rig);
  await rig.settle();
  const before = await rig.destructive.inventory();
  let struckOnce = false;
  for (let at = 1; at <= MOST_STEPS; at += 1) {
    const struck = await surviveOne(rig, survivor, source, { kind, at }, before);
    if (struck === undefined) {
      check(struckOnce, 'no step of the call was seen: the faults are not slid under this pool');
      return;
    }
    struckOnce = true;
  }
  throw new ConformanceError(`the call has more than ${MOST_STEPS} steps`);
}

/** Answers where the fault struck; undefined if the call ended before. */
async function surviveOne(
  rig: CaseRig,
  survivor: Survivor<Source>,
  source: Source,
  fault: { kind: FaultKind; at: number },
  before: readonly string[],
): Promise<string | undefined> {
  const round = `round ${fault.at}`;
  const { faults, reopen, inventory } = rig.destructive;
  await survivor.before?.(rig, source, round);
  await rig.settle();
  faults.arm(fault.kind, fault.at);
  // What it answers, or that it fails, is not looked at: the caller of a killed program hears nothing.
  await Promise.race([survivor.act(rig, source, round).catch(() => {}), faults.crashed]);
  const struck = faults.disarm();
  try {
    if (struck !== undefined && fault.kind === 'crash') await reopen({ killed: true });
    await insist(() => survivor.act(rig, source, round));
    await survivor.verify(rig, source, round);
    await survivor.after?.(rig, source, round);
    await rig.deleteVolume(rig.volumeId(rig.name(round)));
    await rig.settle();
    checkNothingChanged(await inventory(), before, 'left over or lost');
  } catch (error) {
    throw new ConformanceError(
      `${fault.kind} at step ${fault.at} (${struck ?? 'none'}): ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  return struck;
}

const NO_SOURCE: Source = { volumeId: '', snapshotId: '', staging: '' };

const holdersOf = async (rig: CaseRig, round: string): Promise<readonly string[]> =>
  (await rig.holders(rig.name(round))).holders(localId('volume', rig.name(round)));

async function makeSource(rig: CaseRig): Promise<Source> {
  const volume = await rig.create('source');
  await rig.withFiles(volume.id, (path) => put(path, 'file', 'copied'));
  return { ...NO_SOURCE, volumeId: volume.id, snapshotId: (await rig.snapshot('source snapshot', volume.id)).id };
}

async function verifyCopy(rig: CaseRig, _source: Source, round: string): Promise<void> {
  checkEqual(await rig.withFiles(rig.volumeId(rig.name(round)), (path) => take(path, 'file')), 'copied', 'the file in the copy');
}
