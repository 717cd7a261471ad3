import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { STEPS, type Step } from '../../src/observe/steps.ts';
import { CsiError, isCode } from '../support/csi.ts';
import { type Fingerprint, PoolRig } from '../support/pool-rig.ts';
import { seededRandom } from '../support/random.ts';
import type { ScratchFsType } from '../support/scratch-fs.ts';
import { type DriverName, SCENARIOS, type Scenario } from './scenarios.ts';

/**
 * kill -9, the same call again, and everything must be as if nothing had happened: what is listed, what is mounted, which
 * loop devices there are, the pool's own files, and every byte. First at every named step, then at random moments
 * (CONVOY_CRASH_SEED repeats them, CONVOY_CRASH_ROUNDS sets how many).
 */
const RIGS: readonly { readonly driver: DriverName; readonly fs: ScratchFsType }[] = [
  { driver: 'vfs', fs: 'ext4' },
  { driver: 'vfs', fs: 'xfs' },
  { driver: 'loop', fs: 'ext4' },
  { driver: 'loop', fs: 'xfs' },
  { driver: 'local', fs: 'ext4' },
];
const DIE_MS = 10_000;
const ROUNDS = Number(process.env['CONVOY_CRASH_ROUNDS'] ?? '8');
const SEED = Number(process.env['CONVOY_CRASH_SEED'] ?? Date.now() % 1_000_000);

/** A call without a crash: what it came to, and how long it took. */
interface Reference {
  readonly scenario: Scenario;
  /** What was listed before the call. */
  readonly before: readonly string[];
  readonly after: Fingerprint;
  readonly ms: number;
}

test('every named step is killed at in some scenario', () => {
  const covered = new Set(SCENARIOS.flatMap(({ steps }) => Object.values(steps).flat()));
  assert.deepEqual(
    STEPS.filter((step) => !covered.has(step)),
    [],
  );
});

void suite('killed and tried again', { concurrency: 2 }, () => {
  for (const { driver, fs } of RIGS) test(`${driver} on ${fs}`, async (t) => await crashAll(t, driver, fs));
});

async function crashAll(t: TestContext, driver: DriverName, fs: ScratchFsType): Promise<void> {
  const rig = new PoolRig(driver, fs);
  t.after(async () => await rig.end());
  await rig.reset();
  const references: Reference[] = [];
  for (const scenario of SCENARIOS.filter(({ steps }) => steps[driver] !== undefined)) {
    await t.test(`${scenario.name}: without a crash, and the same call again`, async () => {
      references.push(await withFreshStart(rig, () => runWithoutCrash(rig, scenario)));
    });
    const reference = references.find((known) => known.scenario === scenario);
    for (const step of reference === undefined ? [] : (scenario.steps[driver] ?? []))
      await t.test(
        `${scenario.name}: killed at ${step}`,
        async () => await withFreshStart(rig, () => killAtStep(rig, reference as Reference, step)),
      );
  }
  await killAtRandom(t, rig, references, `${driver} on ${fs}`);
}

async function killAtRandom(t: TestContext, rig: PoolRig, references: readonly Reference[], name: string): Promise<void> {
  const random = seededRandom(SEED + [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0));
  for (let round = 1; round <= ROUNDS && references.length > 0; round += 1) {
    const reference = references[Math.floor(random() * references.length)] as Reference;
    const afterMs = random() * reference.ms * 1.2;
    await t.test(`${reference.scenario.name}: killed after ${afterMs.toFixed(1)} ms (seed ${SEED}, round ${round})`, async () => {
      await withFreshStart(rig, () => killAfter(rig, reference, afterMs));
    });
  }
}

/** A failed case must not spoil the next one. */
async function withFreshStart<T>(rig: PoolRig, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    await rig.clear();
    return result;
  } catch (error) {
    await rig.reset();
    throw error;
  }
}

async function runWithoutCrash(rig: PoolRig, scenario: Scenario): Promise<Reference> {
  const ids = await scenario.prepare(rig);
  const before = await rig.listed();
  const started = performance.now();
  const first = await scenario.act(rig, ids);
  const ms = performance.now() - started;
  assert.deepEqual(await scenario.act(rig, ids), first, 'the same call again gives the same answer');
  await rig.untilQuiet();
  const after = await rig.fingerprint();
  return { scenario, before, after, ms };
}

async function killAtStep(rig: PoolRig, reference: Reference, step: Step): Promise<void> {
  const ids = await reference.scenario.prepare(rig);
  await rig.stop();
  await rig.start({ CONVOY_KILL_AT: step });
  const ended = rig.daemon.ended;
  await reference.scenario.act(rig, ids).catch(ignoreLostConnection);
  const end = await Promise.race([ended, pause(DIE_MS, undefined, { ref: false })]);
  assert.equal(end?.signal, 'SIGKILL', `${step} was not reached by: ${reference.scenario.name}`);
  await retryAndCompare(rig, reference, ids);
}

async function killAfter(rig: PoolRig, reference: Reference, afterMs: number): Promise<void> {
  const ids = await reference.scenario.prepare(rig);
  const call = reference.scenario.act(rig, ids).catch(ignoreLostConnection);
  await pause(afterMs);
  await rig.kill();
  await call;
  await retryAndCompare(rig, reference, ids);
}

async function retryAndCompare(
  rig: PoolRig,
  { scenario, before, after }: Reference,
  ids: Awaited<ReturnType<Scenario['prepare']>>,
): Promise<void> {
  await rig.start();
  const known = new Set([...before, ...after.volumes, ...after.snapshots]);
  assert.deepEqual(
    (await rig.listed()).filter((object) => !known.has(object)),
    [],
    'nothing half done is listed after the restart',
  );
  const answer = await untilNotBusy(() => scenario.act(rig, ids));
  assert.deepEqual(await untilNotBusy(() => scenario.act(rig, ids)), answer, 'the same call again gives the same answer');
  assert.deepEqual(await rig.fingerprint(after), after, 'everything is as after a run without a crash');
}

/** What a sidecar does about ABORTED: work that was taken up again after the restart may still run. */
async function untilNotBusy<T>(call: () => Promise<T>): Promise<T> {
  for (const end = performance.now() + DIE_MS; ; ) {
    try {
      return await call();
    } catch (error) {
      if (!isCode(error, 'ABORTED') || performance.now() > end) throw error;
      await pause(10);
    }
  }
}

function ignoreLostConnection(error: unknown): void {
  if (!(error instanceof CsiError) || !['UNAVAILABLE', 'CANCELLED', 'INTERNAL'].includes(error.code)) throw error;
}
