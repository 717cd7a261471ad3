import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Step } from '../../src/observe/steps.ts';
import { ClusterRig, type RigNode } from '../support/cluster-rig.ts';
import { type Csi, callUntilDone, isCode } from '../support/csi.ts';
import { hashTree, writeSampleTree } from '../support/tree-hash.ts';
import { given, listSnapshots, listVolumes } from '../support/volumes.ts';
import { create, placedRequest, SIZE, snapshot } from './requests.ts';

/**
 * An agent is killed in the middle of a call that the controller forwarded. It comes back, the same call is made again, by now
 * with another node preferred, and everything must be as after a run without a kill.
 */
type Driver = 'vfs' | 'loop';
interface Ids {
  readonly volumeId: string;
  readonly snapshotId: string;
}
interface Scenario {
  readonly name: string;
  readonly steps: Readonly<Partial<Record<Driver, readonly Step[]>>>;
  /** What `act` is about, on the node that will be killed. */
  readonly prepare: (rig: ClusterRig) => Promise<Ids>;
  /** The call. Its answer without times. */
  readonly act: (call: Csi['call'], ids: Ids, on: readonly string[]) => Promise<unknown>;
}
/** All that shows of a cluster. */
interface Scene {
  readonly answer: unknown;
  readonly volumes: readonly unknown[];
  readonly snapshots: readonly unknown[];
  readonly alpha: readonly string[];
  readonly beta: readonly string[];
  readonly contents: Readonly<Record<string, string>>;
}

const DIE_MS = 15_000;
const SETTLE_MS = 15_000;
const QUIET_MS = 150;

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'CreateVolume',
    steps: { vfs: ['create.recorded', 'data.filled', 'create.ready'], loop: ['data.named'] },
    prepare: async () => ({ volumeId: '', snapshotId: '' }),
    act: async (call, _, on) => given((await call('CreateVolume', placedRequest('made', { on }))).volume),
  },
  {
    name: 'CreateVolume from a snapshot',
    steps: { vfs: ['data.filled', 'create.ready'], loop: ['create.recorded', 'create.filled'] },
    prepare: withSnapshot,
    act: async (call, { snapshotId }, on) => {
      const request = placedRequest('restored', { on, sizeBytes: 2n * SIZE, fromSnapshot: snapshotId });
      return given((await call('CreateVolume', request)).volume);
    },
  },
  {
    name: 'CreateSnapshot',
    steps: { vfs: ['snapshot.recorded', 'snapshot.ready'], loop: ['snapshot.cut'] },
    prepare: withVolume,
    act: async (call, { volumeId }) => {
      const answer = await call('CreateSnapshot', { name: 'taken', sourceVolumeId: volumeId });
      return { ...given(answer.snapshot), creationTime: null };
    },
  },
  {
    name: 'DeleteVolume',
    steps: { vfs: ['delete.discarded', 'purge.started'], loop: ['delete.discarded'] },
    prepare: withVolume,
    act: async (call, { volumeId }) => await call('DeleteVolume', { volumeId }),
  },
];

void suite('an agent is killed in mid-call', { concurrency: 2 }, () => {
  for (const driver of ['vfs', 'loop'] as const) test(`on ${driver}`, async (t) => await killAtAll(t, driver));
});

async function killAtAll(t: TestContext, driver: Driver): Promise<void> {
  const rig = await ClusterRig.start({ nodes: ['alpha', 'beta'], drivers: [driver], fs: driver === 'loop' ? 'xfs' : 'ext4' });
  t.after(async () => await rig.end());
  const empty = { alpha: rig.node('alpha').left(), beta: rig.node('beta').left() };
  for (const scenario of SCENARIOS) {
    const steps = scenario.steps[driver] ?? [];
    if (steps.length === 0) continue;
    let reference: Scene | undefined;
    await t.test(`${scenario.name}: without a kill`, async () => {
      const ids = await scenario.prepare(rig);
      const answer = await scenario.act(patient(rig), ids, ['alpha', 'beta']);
      reference = await sceneOf(rig, answer);
      await clear(rig, empty);
    });
    for (const step of steps)
      await t.test(`${scenario.name}: killed at ${step}`, async () => {
        assert.ok(reference, 'without a kill it went well');
        const ids = await scenario.prepare(rig);
        await killAt(rig, scenario, ids, step);
        const answer = await scenario.act(patient(rig), ids, ['beta', 'alpha']);
        assert.deepEqual(await scenario.act(patient(rig), ids, ['beta', 'alpha']), answer, 'the same call again gives the same answer');
        assert.deepEqual(await sceneOf(rig, answer, reference), reference, 'everything is as without a kill');
        await clear(rig, empty);
      });
  }
}

async function killAt(rig: ClusterRig, scenario: Scenario, ids: Ids, step: Step): Promise<void> {
  const alpha = rig.node('alpha');
  await alpha.restart({ CONVOY_KILL_AT: step });
  await rig.untilWhole();
  await scenario.act(rig.csi.call, ids, ['alpha', 'beta']).catch((error: unknown) => {
    // The trash may be emptied before or after the answer.
    if (!isCode(error, 'UNAVAILABLE') || !error.message.includes('alpha')) throw error;
  });
  const how = await Promise.race([alpha.ended, pause(DIE_MS, 'nothing', { ref: false })]);
  assert.equal(how, 'SIGKILL', `${step} was not reached by ${scenario.name}`);
  await alpha.start();
}

/** As a sidecar while a node comes back. */
const patient =
  (rig: ClusterRig): Csi['call'] =>
  (method, request) =>
    callUntilDone(rig.csi, method, request, { alsoUnavailable: true });

async function withVolume(rig: ClusterRig): Promise<Ids> {
  const { volumeId } = await create(rig, 'source', { on: ['alpha', 'beta'] });
  const user = rig.user('alpha');
  writeSampleTree(await user.publish(volumeId));
  await user.unpublish(volumeId);
  return { volumeId, snapshotId: '' };
}

async function withSnapshot(rig: ClusterRig): Promise<Ids> {
  const ids = await withVolume(rig);
  return { ...ids, snapshotId: (await snapshot(rig, 'source snapshot', ids.volumeId)).snapshotId };
}

/** Looking into a volume leaves its traces: what is outside is read first. */
async function sceneOf(rig: ClusterRig, answer: unknown, expected?: Scene): Promise<Scene> {
  const alpha = await settled(rig.node('alpha'), expected?.alpha);
  const beta = await settled(rig.node('beta'), expected?.beta);
  const volumes = await listVolumes(rig.csi);
  const snapshots = (await listSnapshots(rig.csi)).map((each) => ({ ...each, creationTime: null }));
  const contents: Record<string, string> = {};
  for (const { volumeId } of volumes) {
    const user = rig.user('alpha');
    contents[volumeId] = hashTree(await user.publish(volumeId));
    await user.unpublish(volumeId);
  }
  return { answer, volumes, snapshots, alpha, beta, contents };
}

/** What is on the node's disk once it is as expected, or changes no more. */
async function settled(node: RigNode, expected?: readonly string[]): Promise<readonly string[]> {
  let last = node.left();
  for (const end = performance.now() + SETTLE_MS; performance.now() < end; ) {
    if (expected !== undefined && last.join() === expected.join()) break;
    await pause(QUIET_MS);
    const now = node.left();
    if (expected === undefined && now.join() === last.join()) break;
    last = now;
  }
  return last;
}

async function clear(rig: ClusterRig, empty: Pick<Scene, 'alpha' | 'beta'>): Promise<void> {
  for (const { snapshotId } of await listSnapshots(rig.csi)) await callUntilDone(rig.csi, 'DeleteSnapshot', { snapshotId });
  for (const { volumeId } of await listVolumes(rig.csi)) await callUntilDone(rig.csi, 'DeleteVolume', { volumeId });
  assert.deepEqual(await settled(rig.node('alpha'), empty.alpha), empty.alpha, 'nothing is left on alpha');
  assert.deepEqual(await settled(rig.node('beta'), empty.beta), empty.beta, 'nothing is left on beta');
}
