import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatId, localId, nodeKey } from '../../../src/convoy/ids.ts';
import { FakeGlobal } from './fake-global.ts';
import { aCall, aClaim, aPool, cut, type Fleet, failureOf, segments, startFleet } from './fleet.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const secrets = {};
const listVolumes = (fleet: Fleet, maxEntries = 0, startingToken = '') => fleet.rpcs.ListVolumes({ maxEntries, startingToken }, aCall());
const listSnapshots = (fleet: Fleet, filter: { snapshotId?: string; sourceVolumeId?: string } = {}, maxEntries = 0, startingToken = '') =>
  fleet.rpcs.ListSnapshots({ maxEntries, startingToken, snapshotId: '', sourceVolumeId: '', secrets, ...filter }, aCall());

test('volumes, snapshots and problems of all nodes are listed', async () => {
  using fleet = await startFleet(NAMES);
  const volumes = fleet.nodes.map((node) => node.addVolume(`v-${node.name}`));
  const snapshots = fleet.nodes.map((node, index) => node.addSnapshot('s', volumes[index] ?? ''));
  const listed = await listVolumes(fleet);
  assert.deepEqual(new Set(listed.entries?.map(({ volume }) => volume?.volumeId)), new Set(volumes));
  assert.equal(listed.nextToken, '');
  const health = await fleet.rpcs.ControllerListVolumeHealth({ maxEntries: 0, startingToken: '', secrets }, aCall());
  assert.deepEqual(new Set(health.entries?.map(({ volumeId }) => volumeId)), new Set(volumes));
  const { entries } = await listSnapshots(fleet);
  assert.deepEqual(new Set(entries?.map(({ snapshot }) => snapshot?.snapshotId)), new Set(snapshots));
});

test('max_entries holds over all nodes, and the token goes on', async () => {
  using fleet = await startFleet(NAMES);
  for (const node of fleet.nodes) for (let index = 0; index < 3; index++) node.addVolume(`${node.name}-${index}`);
  const seen: (string | undefined)[] = [];
  let token = '';
  do {
    const page = await listVolumes(fleet, 5, token);
    assert.ok((page.entries?.length ?? 0) <= 5);
    seen.push(...(page.entries ?? []).map(({ volume }) => volume?.volumeId));
    token = page.nextToken ?? '';
  } while (token !== '');
  assert.equal(seen.length, 12);
  assert.equal(new Set(seen).size, 12);
});

test('bad paging is refused: a negative number, a token of nobody', async () => {
  using fleet = await startFleet(NAMES);
  assert.equal((await failureOf(listVolumes(fleet, -1))).code, 'InvalidArgument');
  assert.equal((await failureOf(listVolumes(fleet, 0, 'mine'))).code, 'StaleToken');
});

test('a silent node makes a list Unavailable, and is named; one that is gone is left out', async () => {
  using fleet = await startFleet(NAMES);
  for (const node of fleet.nodes) node.addVolume(`v-${node.name}`);
  await cut(fleet, fleet.node('c'));
  const { code, message } = await failureOf(listVolumes(fleet));
  assert.equal(code, 'Unavailable');
  assert.match(message, /node c /);
  assert.equal((await failureOf(listSnapshots(fleet))).code, 'Unavailable');
  await fleet.goneNodes.add({ nodeName: 'c', since: 0 });
  assert.equal((await listVolumes(fleet)).entries?.length, 3);
});

test('a node of a PersistentVolume whose agent is not known makes a list Unavailable', async () => {
  using fleet = await startFleet(NAMES);
  fleet.view.volumes = [aClaim(formatId('fast', nodeKey('lost'), localId('volume', 'v')))];
  const { code, message } = await failureOf(listVolumes(fleet));
  assert.equal(code, 'Unavailable');
  assert.match(message, new RegExp(`node key ${nodeKey('lost')}`));
  await fleet.goneNodes.add({ nodeName: 'lost', since: 0 });
  assert.equal((await listVolumes(fleet)).entries?.length, 0);
  // Not once for each page.
  assert.equal(fleet.view.asked, 1);
});

test('PersistentVolumes of other handles are no nodes, and an API server that cannot be asked makes a list Unavailable', async () => {
  using fleet = await startFleet(NAMES);
  fleet.view.failure = new Error('down');
  await assert.rejects(async () => listVolumes(fleet), /down/);
  fleet.view.failure = undefined;
  fleet.view.volumes = [aClaim('by-hand')];
  assert.deepEqual((await listVolumes(fleet)).entries, []);
});

test('outside Kubernetes the listed agents are all there are', async () => {
  using fleet = await startFleet(NAMES, { outsideKubernetes: true });
  fleet.node('a').addVolume('v');
  assert.equal((await listVolumes(fleet)).entries?.length, 1);
});

test('a filter names its node, and no other is asked', async () => {
  using fleet = await startFleet(NAMES);
  const b = fleet.node('b');
  const volume = b.addVolume('v');
  const snapshot = b.addSnapshot('s', volume);
  b.addSnapshot('t', b.addVolume('w'));
  await cut(fleet, fleet.node('c'));
  const ids = async (filter: object, maxEntries = 0) =>
    (await listSnapshots(fleet, filter, maxEntries)).entries?.map((entry) => entry.snapshot?.snapshotId);
  assert.deepEqual(await ids({ snapshotId: snapshot }), [snapshot]);
  assert.deepEqual(await ids({ sourceVolumeId: volume }), [snapshot]);
  assert.deepEqual(await ids({ snapshotId: snapshot, sourceVolumeId: volume }), [snapshot]);
  assert.deepEqual(await ids({ snapshotId: snapshot, sourceVolumeId: b.volumeId('w') }), []);
  assert.deepEqual(await ids({ snapshotId: snapshot, sourceVolumeId: fleet.node('a').volumeId('v') }), []);
  assert.deepEqual(fleet.node('a').forwards(), []);
});

test('a filter is paged', async () => {
  using fleet = await startFleet(NAMES);
  const b = fleet.node('b');
  const sourceVolumeId = b.addVolume('v');
  for (const name of ['s', 't', 'u']) b.addSnapshot(name, sourceVolumeId);
  const first = await listSnapshots(fleet, { sourceVolumeId }, 2);
  assert.equal(first.entries?.length, 2);
  const second = await listSnapshots(fleet, { sourceVolumeId }, 2, first.nextToken);
  assert.equal(second.entries?.length, 1);
  assert.equal(second.nextToken, '');
});

test('a filter that is no id of ours, or of a node that is gone, matches nothing', async () => {
  using fleet = await startFleet(NAMES);
  const b = fleet.node('b');
  const snapshot = b.addSnapshot('s', b.addVolume('v'));
  await fleet.goneNodes.add({ nodeName: 'b', since: 0 });
  const empty = { entries: [], nextToken: '' };
  for (const filter of [
    { snapshotId: 'nonsense' },
    { sourceVolumeId: 'nonsense' },
    { snapshotId: snapshot },
    { sourceVolumeId: b.volumeId('v') },
  ])
    assert.deepEqual(await listSnapshots(fleet, filter), empty);
  assert.deepEqual(b.forwards(), []);
});

test('a filter on a silent node is Unavailable', async () => {
  using fleet = await startFleet(NAMES);
  const b = fleet.node('b');
  const snapshotId = b.addSnapshot('s', b.addVolume('v'));
  await cut(fleet, b);
  assert.equal((await failureOf(listSnapshots(fleet, { snapshotId }))).code, 'Unavailable');
});

test('an agent that lists what is not its own is not believed', async () => {
  using fleet = await startFleet(['a', 'b']);
  const volumeId = fleet.node('b').volumeId('v');
  fleet.node('a').handlers.ListVolumes = () => ({
    entries: [
      { volume: { volumeId, capacityBytes: '1', volumeContext: {}, contentSource: null, accessibleTopology: segments('a') }, status: null },
    ],
    nextToken: '',
  });
  assert.equal((await failureOf(listVolumes(fleet))).code, 'Internal');
});

test('global pools are listed after the nodes, where they are served', async () => {
  const global = new FakeGlobal();
  const id = global.addVolume('g');
  using fleet = await startFleet(['a'], { global, pools: [aPool('fast', true), aPool('cloud', false, 'global')] });
  fleet.node('a').addVolume('v');
  assert.deepEqual(
    (await listVolumes(fleet)).entries?.map(({ volume }) => volume?.volumeId),
    [fleet.node('a').volumeId('v'), id],
  );
});
