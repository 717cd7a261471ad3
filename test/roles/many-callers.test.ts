import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ClusterRig } from '../support/cluster-rig.ts';
import { callUntilDone } from '../support/csi.ts';
import { listSnapshots, listVolumes } from '../support/volumes.ts';
import { create, idsOn, nodeOf, remove, SIZE, snapshot } from './requests.ts';

/** Fifty callers at once through one controller over two nodes, as the sidecars' threads are. */
const CALLERS = 50;
const NODES = ['alpha', 'beta'] as const;

interface Made {
  readonly volumes: Readonly<Record<string, bigint>>;
  readonly snapshots: readonly string[];
}

void suite('fifty callers at once', () => {
  let rig: ClusterRig;
  before(async () => {
    rig = await ClusterRig.start({ nodes: NODES, drivers: ['vfs', 'loop'], fs: 'xfs' });
  });
  after(async () => await rig.end());

  test('each see exactly what they did, and the nodes have that and nothing else', async () => {
    const made = await everyCaller(async (caller) => await live(rig, caller));
    const volumes = Object.assign({}, ...made.map((each) => each.volumes)) as Record<string, bigint>;
    const listed = Object.fromEntries((await listVolumes(rig.csi)).map(({ volumeId, capacityBytes }) => [volumeId, BigInt(capacityBytes)]));
    assert.deepEqual(listed, volumes);
    assert.deepEqual(
      (await listSnapshots(rig.csi)).map(({ snapshotId }) => snapshotId).sort(),
      made.flatMap((each) => each.snapshots).sort(),
    );
    await agreesWithNodes(rig, Object.keys(volumes));
  });

  test('that create one name get one volume, wherever each would have it', async () => {
    for (let round = 0; round < 3; round += 1) {
      const ids = await everyCaller(async (caller) => {
        const on = caller % 2 === 0 ? ['alpha', 'beta'] : ['beta', 'alpha'];
        return (await create(rig, `same ${round}`, { pool: 'vfs', ...(caller % 3 === 0 ? {} : { on }) })).volumeId;
      });
      assert.equal(new Set(ids).size, 1, [...new Set(ids)].join());
    }
    await agreesWithNodes(
      rig,
      (await listVolumes(rig.csi)).map(({ volumeId }) => volumeId),
    );
  });

  test('that delete everything leave nothing', async () => {
    const volumes = await listVolumes(rig.csi);
    const snapshots = await listSnapshots(rig.csi);
    assert.ok(volumes.length >= CALLERS / 2);
    await Promise.all([
      ...snapshots.map(({ snapshotId }) => callUntilDone(rig.csi, 'DeleteSnapshot', { snapshotId })),
      ...volumes.flatMap(({ volumeId }) => [remove(rig, volumeId), remove(rig, volumeId)]),
    ]);
    assert.deepEqual(await listVolumes(rig.csi), []);
    assert.deepEqual(await listSnapshots(rig.csi), []);
    await agreesWithNodes(rig, []);
  });
});

/** A claim's life; every third one ends, each leaves what is known beforehand. */
async function live(rig: ClusterRig, caller: number): Promise<Made> {
  const pool = caller % 2 === 0 ? 'vfs' : 'loop';
  const order = NODES.toSorted((one, other) => (caller % 4 < 2 ? 1 : -1) * one.localeCompare(other));
  const on = caller % 5 === 0 ? {} : { on: order };
  const name = `caller ${caller}`;
  const [volume, again] = await Promise.all([create(rig, name, { pool, ...on }), create(rig, name, { pool, ...on })]);
  assert.deepEqual(again, volume, 'the same call twice at once gives the same');
  if (caller % 5 !== 0) assert.equal(nodeOf(volume), order[0]);
  const { volumeId } = volume;
  const larger = SIZE + BigInt(caller + 1) * (1n << 20n);
  const capacityRange = { requiredBytes: String(larger) };
  const [{ capacityBytes }, { snapshotId }] = await Promise.all([
    callUntilDone(rig.csi, 'ControllerExpandVolume', { volumeId, capacityRange }),
    snapshot(rig, `cut ${caller}`, volumeId),
  ]);
  assert.equal(BigInt(capacityBytes), larger);
  const restored = await create(rig, `restored ${caller}`, { sizeBytes: 2n * larger, exact: true, fromSnapshot: snapshotId });
  assert.equal(nodeOf(restored), nodeOf(volume), 'a restore is where its data is');
  if (caller % 3 !== 0) return { volumes: { [volumeId]: larger, [restored.volumeId]: 2n * larger }, snapshots: [snapshotId] };
  await Promise.all([remove(rig, volumeId), callUntilDone(rig.csi, 'DeleteSnapshot', { snapshotId })]);
  return { volumes: { [restored.volumeId]: 2n * larger }, snapshots: [] };
}

/** What the nodes say by themselves: together all of it, and nothing on two of them. */
async function agreesWithNodes(rig: ClusterRig, volumeIds: readonly string[]): Promise<void> {
  const onNodes = await Promise.all(NODES.map(async (node) => await idsOn(rig, node)));
  assert.deepEqual(onNodes.flat().sort(), volumeIds.toSorted());
  const locals = onNodes.flat().map((id) => id.split('.').at(-1));
  assert.equal(new Set(locals).size, locals.length, 'no name is on two nodes');
}

/** Like Promise.all, but none of them still runs when it ends. */
async function everyCaller<T>(work: (caller: number) => Promise<T>): Promise<readonly T[]> {
  const calls = Array.from({ length: CALLERS }, (_, caller) => work(caller));
  await Promise.allSettled(calls);
  return await Promise.all(calls);
}
