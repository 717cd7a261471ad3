import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnreachableError } from '../../../src/channel/errors.ts';
import { ConvoyError, type ErrorCode } from '../../../src/convoy/errors.ts';
import { formatId, localId } from '../../../src/convoy/ids.ts';
import {
  aCall,
  addressOf,
  aPool,
  createRequest,
  cut,
  DRIVER,
  type FakeNode,
  type Fleet,
  failureOf,
  GIB,
  segments,
  startFleet,
} from './fleet.ts';

const NAMES = ['a', 'b', 'c'];
/** As the provisioner asks without strict topology: all nodes will do, one is preferred. */
const anywhere = (...preferred: string[]) => ({
  accessibilityRequirements: { requisite: segments(...NAMES), preferred: segments(...preferred) },
});
const only = (...names: string[]) => ({ accessibilityRequirements: { requisite: segments(...names), preferred: [] } });
const create = async (fleet: Fleet, name: string, changes: Parameters<typeof createRequest>[1] = {}) =>
  (await fleet.rpcs.CreateVolume(createRequest(name, changes), aCall())).volume;
const failing = (code: ErrorCode, message: string) => () => Promise.reject(new ConvoyError(code, message));
const creates = (fleet: Fleet): Record<string, number> =>
  Object.fromEntries(fleet.nodes.map((node) => [node.name, node.count('CreateVolume')]));
const setServing = (fleet: Fleet, name: string, serving: boolean): void =>
  fleet.discovery.set(fleet.nodes.map((node) => addressOf(node, node.name === name ? { serving } : {})));
const fromSnapshot = (snapshotId: string) => ({ volumeContentSource: { snapshot: { snapshotId }, type: 'snapshot' as const } });
const fromVolume = (volumeId: string) => ({ volumeContentSource: { volume: { volumeId }, type: 'volume' as const } });

test('the preferred node is taken first, and told that no other will do', async () => {
  using fleet = await startFleet(NAMES);
  const volume = await create(fleet, 'v', anywhere('b', 'a', 'c'));
  assert.equal(volume?.volumeId, fleet.node('b').volumeId('v'));
  assert.deepEqual(volume?.accessibleTopology, segments('b'));
  const [request] = fleet.node('b').requests('CreateVolume');
  assert.deepEqual(request?.accessibilityRequirements, { requisite: segments('b'), preferred: segments('b') });
  assert.equal(request?.name, 'v');
  assert.deepEqual(creates(fleet), { a: 0, b: 1, c: 0 });
});

test('a full node is passed over, in the order of the requirement', async () => {
  using fleet = await startFleet(NAMES);
  fleet.node('b').room = 0n;
  fleet.node('a').room = 0n;
  const volume = await create(fleet, 'v', anywhere('b', 'a', 'c'));
  assert.equal(volume?.volumeId, fleet.node('c').volumeId('v'));
  assert.deepEqual(creates(fleet), { a: 1, b: 1, c: 1 });
});

test('when all are full, each is named with its reason', async () => {
  using fleet = await startFleet(NAMES);
  for (const node of fleet.nodes) node.room = 0n;
  const { code, message } = await failureOf(create(fleet, 'v', anywhere('a')));
  assert.equal(code, 'NoSpace');
  for (const name of NAMES) assert.match(message, new RegExp(`node ${name}: no room`));
});

test('of a thousand full nodes the first few are named, and the others counted', async () => {
  const names = Array.from({ length: 100 }, (_, index) => `worker-${index}`);
  using fleet = await startFleet(names);
  for (const node of fleet.nodes) node.handlers.CreateVolume = failing('NoSpace', `no room: ${'x'.repeat(2000)}`);
  const { code, message } = await failureOf(create(fleet, 'v'));
  assert.equal(code, 'NoSpace');
  assert.ok(Buffer.byteLength(message) <= 1024, `${Buffer.byteLength(message)} bytes`);
  assert.match(message, /; and 9\d more$/);
});

test('after an unknown outcome no other node is tried, and the retry asks the same node alone', async () => {
  using fleet = await startFleet(NAMES);
  const b = fleet.node('b');
  b.handlers.CreateVolume = () => Promise.reject(new UnreachableError('agent b has not answered'));
  const { code, message } = await failureOf(create(fleet, 'v', anywhere('b')));
  assert.equal(code, 'Unavailable');
  assert.match(message, /^node b: /);
  assert.deepEqual(creates(fleet), { a: 0, b: 1, c: 0 });
  delete b.handlers.CreateVolume;
  const questions = fleet.nodes.map((node) => node.count('FindVolume'));
  // Another node is preferred by now, and still it is b that may have it.
  const volume = await create(fleet, 'v', anywhere('c'));
  assert.equal(volume?.volumeId, b.volumeId('v'));
  assert.deepEqual(creates(fleet), { a: 0, b: 2, c: 0 });
  assert.deepEqual(
    fleet.nodes.map((node) => node.count('FindVolume')),
    questions,
  );
});

test('after an unknown outcome the node is waited for, even when Kubernetes says that it does not serve', async () => {
  using fleet = await startFleet(NAMES);
  const b = fleet.node('b');
  b.handlers.CreateVolume = () => Promise.reject(new UnreachableError('cut'));
  await failureOf(create(fleet, 'v', anywhere('b')));
  await cut(fleet, b);
  setServing(fleet, 'b', false);
  for (let tries = 0; tries < 3; tries++) assert.equal((await failureOf(create(fleet, 'v', anywhere('b')))).code, 'Unavailable');
  assert.deepEqual(creates(fleet), { a: 0, b: 1, c: 0 });
});

test('a node that refused for want of room is asked again only after the others', async () => {
  using fleet = await startFleet(NAMES);
  for (const node of fleet.nodes) node.room = 0n;
  await failureOf(create(fleet, 'v', anywhere('a', 'b', 'c')));
  fleet.node('c').room = 10n * GIB;
  assert.equal((await create(fleet, 'v', anywhere('a', 'b', 'c')))?.volumeId, fleet.node('c').volumeId('v'));
});

for (const code of ['InvalidArgument', 'AlreadyExists', 'OutOfRange', 'Busy', 'Unavailable', 'Precondition', 'Internal'] as const) {
  test(`${code} of a node is the answer, with the node's name, and no other node is tried`, async () => {
    using fleet = await startFleet(NAMES);
    fleet.node('b').handlers.CreateVolume = failing(code, 'because');
    assert.deepEqual(await failureOf(create(fleet, 'v', anywhere('b'))), { code, message: 'node b: because' });
    assert.deepEqual(creates(fleet), { a: 0, b: 1, c: 0 });
  });
}

test('a name that another node has is not made a second time', async () => {
  using fleet = await startFleet(NAMES);
  const id = fleet.node('c').addVolume('v');
  const volume = await create(fleet, 'v', anywhere('a', 'b', 'c'));
  assert.equal(volume?.volumeId, id);
  assert.deepEqual(creates(fleet), { a: 0, b: 0, c: 1 });
});

test('a name on a node that the requirement leaves out is not looked for there', async () => {
  using fleet = await startFleet(NAMES);
  fleet.node('c').addVolume('v');
  const volume = await create(fleet, 'v', only('a', 'b'));
  assert.equal(volume?.volumeId, fleet.node('a').volumeId('v'));
  assert.equal(fleet.node('c').count('FindVolume'), 0);
});

test('with one candidate nobody is asked for the name', async () => {
  using fleet = await startFleet(NAMES);
  await create(fleet, 'v', only('b'));
  assert.deepEqual(
    fleet.nodes.map((node) => node.count('FindVolume')),
    [0, 0, 0],
  );
});

test('a node that does not say whether it has the name holds nobody up', async () => {
  using fleet = await startFleet(NAMES);
  fleet.node('c').handlers.FindVolume = () => Promise.reject(new UnreachableError('too late'));
  assert.equal((await create(fleet, 'v', anywhere('a')))?.volumeId, fleet.node('a').volumeId('v'));
});

test('right after a start, nodes that were not tried yet are asked for the name too', async () => {
  using fleet = await startFleet(NAMES, { standby: true });
  const id = fleet.node('c').addVolume('v');
  fleet.agents.start();
  assert.equal((await create(fleet, 'v', anywhere('a')))?.volumeId, id);
  assert.deepEqual(creates(fleet), { a: 0, b: 0, c: 1 });
});

test('a node that is still being connected to may have the name: it is not made elsewhere meanwhile', async () => {
  using fleet = await startFleet(NAMES, { standby: true });
  fleet.node('c').handlers.Describe = () => new Promise(() => {});
  fleet.agents.start();
  const asked = fleet.rpcs.CreateVolume(createRequest('v', anywhere('a')), aCall({ deadline: Date.now() + 200 }));
  const { code, message } = await failureOf(asked);
  assert.equal(code, 'Unavailable');
  assert.match(message, /cannot be told while nodes are being connected to \(c\); try again/);
  assert.deepEqual(creates(fleet), { a: 0, b: 0, c: 0 });
});

test('a node that was tried and failed holds nobody up', async () => {
  using fleet = await startFleet(NAMES, {
    standby: true,
    prepare: (nodes) =>
      nodes.forEach((node) => {
        if (node.name === 'c') node.unreachable = new UnreachableError('connection refused');
      }),
  });
  fleet.agents.start();
  assert.equal((await create(fleet, 'v', anywhere('a')))?.volumeId, fleet.node('a').volumeId('v'));
});

test('a volume that was deleted may be made on another node', async () => {
  using fleet = await startFleet(NAMES);
  const volume = await create(fleet, 'v', anywhere('a'));
  await fleet.rpcs.DeleteVolume({ volumeId: volume?.volumeId ?? '', secrets: {} }, aCall());
  assert.equal((await create(fleet, 'v', anywhere('b')))?.volumeId, fleet.node('b').volumeId('v'));
});

test('a second call of the same name is Busy while the first runs', async () => {
  using fleet = await startFleet(NAMES);
  const { promise, resolve } = Promise.withResolvers<void>();
  const a = fleet.node('a');
  a.handlers.CreateVolume = async () => {
    await promise;
    return {
      volume: { volumeId: a.addVolume('v'), capacityBytes: '1', volumeContext: {}, contentSource: null, accessibleTopology: segments('a') },
    };
  };
  const first = create(fleet, 'v', anywhere('a'));
  assert.equal((await failureOf(create(fleet, 'v', anywhere('b')))).code, 'Busy');
  resolve();
  assert.equal((await first)?.volumeId, a.volumeId('v'));
});

test('an unreachable node is Unavailable, with its name, address and reason, and no other is tried', async () => {
  using fleet = await startFleet(NAMES);
  await cut(fleet, fleet.node('a'), new UnreachableError('no route to host'));
  const { code, message } = await failureOf(create(fleet, 'v', anywhere('a', 'b')));
  assert.equal(code, 'Unavailable');
  assert.match(message, /node a \(192\.0\.2\.1:9809\) cannot be reached: no route to host; .*convoy node forget a/);
  assert.deepEqual(creates(fleet), { a: 0, b: 0, c: 0 });
});

test('an unreachable node that does not serve is skipped when Kubernetes says that it is down', async () => {
  using fleet = await startFleet(NAMES);
  await cut(fleet, fleet.node('a'));
  setServing(fleet, 'a', false);
  fleet.view.nodes.set('a', { uid: 'a', ready: false });
  assert.equal((await create(fleet, 'v', anywhere('a', 'b')))?.volumeId, fleet.node('b').volumeId('v'));
});

test('a node without an agent, and which is none of the cluster, is skipped', async () => {
  using fleet = await startFleet(NAMES);
  fleet.discovery.set(fleet.nodes.filter(({ name }) => name !== 'a').map((node) => addressOf(node)));
  assert.equal((await create(fleet, 'v', anywhere('a', 'b')))?.volumeId, fleet.node('b').volumeId('v'));
});

test('when the others are full, a node that was skipped makes it Unavailable: it may have room', async () => {
  using fleet = await startFleet(NAMES);
  await cut(fleet, fleet.node('a'));
  setServing(fleet, 'a', false);
  fleet.node('b').room = 0n;
  fleet.node('c').room = 0n;
  const { code, message } = await failureOf(create(fleet, 'v', anywhere('a')));
  assert.equal(code, 'Unavailable');
  assert.match(message, /2 nodes have no room, and 1 cannot be asked: node a cannot be reached/);
});

test('a topology that no node meets names what was asked', async () => {
  using fleet = await startFleet(NAMES);
  const { code, message } = await failureOf(create(fleet, 'v', only('nodeX')));
  assert.equal(code, 'Unavailable');
  assert.match(message, /no agent of node nodeX is known: .*allowedTopologies/);
});

test('a node that is gone is not asked; all gone is NoSpace, so that another is picked', async () => {
  using fleet = await startFleet(NAMES);
  await fleet.goneNodes.add({ nodeName: 'a', since: 0 });
  assert.equal((await create(fleet, 'v', anywhere('a', 'b')))?.volumeId, fleet.node('b').volumeId('v'));
  const { code, message } = await failureOf(create(fleet, 'w', only('a')));
  assert.equal(code, 'NoSpace');
  assert.match(message, /node a was declared gone/);
  assert.equal(fleet.node('a').count('CreateVolume'), 0);
});

test('a node that is declared gone while it makes the volume has made none', async () => {
  using fleet = await startFleet(NAMES);
  const node = fleet.node('a');
  node.handlers.CreateVolume = async () => {
    await fleet.goneNodes.add({ nodeName: 'a', since: 0 });
    return { volume: { volumeId: node.volumeId('v'), capacityBytes: '1', accessibleTopology: segments('a') } } as never;
  };
  const { code, message } = await failureOf(create(fleet, 'v', anywhere('a', 'b')));
  assert.equal(code, 'Unavailable');
  assert.match(message, /node a was declared gone while it made the volume/);
  assert.equal((await create(fleet, 'v', anywhere('a', 'b')))?.volumeId, fleet.node('b').volumeId('v'));
});

test('nodes without the pool are not asked', async () => {
  const lacking = (node: FakeNode | undefined): void => {
    if (node !== undefined) node.pools = [{ name: 'other', driver: 'vfs', open: true, reason: '' }];
  };
  using fleet = await startFleet(NAMES, { prepare: ([a]) => lacking(a) });
  assert.equal((await create(fleet, 'v', anywhere('a', 'b')))?.volumeId, fleet.node('b').volumeId('v'));
  const { code, message } = await failureOf(create(fleet, 'w', only('a')));
  assert.equal(code, 'NoSpace');
  assert.match(message, /node a has no pool fast \(it has other\)/);
});

test('while nobody knows which nodes are gone, none is asked', async () => {
  using fleet = await startFleet(NAMES);
  fleet.goneNodes.unread = new ConvoyError('Unavailable', 'the ConfigMap was not read yet');
  assert.deepEqual(await failureOf(create(fleet, 'v', anywhere('a'))), { code: 'Unavailable', message: 'the ConfigMap was not read yet' });
});

test('a restore is made where its snapshot is, also when another node is preferred', async () => {
  using fleet = await startFleet(NAMES);
  const c = fleet.node('c');
  const snapshot = c.addSnapshot('s', c.addVolume('source'));
  const volume = await create(fleet, 'v', { ...anywhere('a', 'b'), ...fromSnapshot(snapshot) });
  assert.equal(volume?.volumeId, c.volumeId('v'));
  const clone = await create(fleet, 'w', { ...anywhere('a', 'b'), ...fromVolume(c.volumeId('source')) });
  assert.equal(clone?.volumeId, c.volumeId('w'));
  assert.deepEqual(creates(fleet), { a: 0, b: 0, c: 2 });
});

test('a restore whose node the requirement leaves out names the node, the snapshot and the ways out', async () => {
  using fleet = await startFleet(NAMES);
  const c = fleet.node('c');
  const snapshot = c.addSnapshot('s', c.addVolume('source'));
  const { code, message } = await failureOf(create(fleet, 'v', { ...only('a', 'b'), ...fromSnapshot(snapshot) }));
  assert.equal(code, 'NoSpace');
  assert.match(message, new RegExp(`snapshot ${snapshot} is on node c, .*allow only a; b: .*allowedTopologies.*let the pod run there`));
  assert.deepEqual(creates(fleet), { a: 0, b: 0, c: 0 });
});

test('a restore of a full node is NoSpace, of a silent one Unavailable, of a gone one NoSpace', async () => {
  using fleet = await startFleet(NAMES);
  const c = fleet.node('c');
  const source = fromSnapshot(c.addSnapshot('s', c.addVolume('source')));
  c.room = 0n;
  assert.equal((await failureOf(create(fleet, 'v', { ...anywhere('a'), ...source }))).code, 'NoSpace');
  await cut(fleet, c);
  assert.equal((await failureOf(create(fleet, 'v', { ...anywhere('a'), ...source }))).code, 'Unavailable');
  await fleet.goneNodes.add({ nodeName: 'c', since: 0 });
  const { code, message } = await failureOf(create(fleet, 'v', { ...anywhere('a'), ...source }));
  assert.equal(code, 'NoSpace');
  assert.match(message, /was on node c, which was declared gone/);
});

test('a source on a node that is not known is Unavailable, one that is no id of ours does not exist', async () => {
  using fleet = await startFleet(NAMES);
  const elsewhere = formatId('fast', '0123456789abcdef', localId('snapshot', 's'));
  assert.equal((await failureOf(create(fleet, 'v', fromSnapshot(elsewhere)))).code, 'Unavailable');
  assert.deepEqual(await failureOf(create(fleet, 'v', fromSnapshot('nonsense'))), {
    code: 'NotFound',
    message: 'snapshot "nonsense" does not exist',
  });
});

const BAD: readonly (readonly [string, Parameters<typeof createRequest>[1], RegExp])[] = [
  ['a pool that is not configured', { parameters: { pool: 'nvme' } }, /"nvme", which is not configured; configured are fast, slow/],
  ['a name of a pool that cannot be one', { parameters: { pool: 'No/Pool' } }, /parameters\["pool"\]/],
  ['an option that does not fit', { parameters: { VolumeIOPS: 'many' } }, /VolumeIOPS/],
  ['a consistency that there is not', { parameters: { consistency: 'none' } }, /consistency/],
  ['a volume attributes class', { mutableParameters: { iops: '3' } }, /mutable_parameters/],
  ['no capability', { volumeCapabilities: [] }, /volume_capabilities/],
  ['a size that is none', { capacityRange: { requiredBytes: '2', limitBytes: '1' } }, /capacity_range/],
  ['an empty source', { volumeContentSource: {} }, /volume_content_source/],
];
for (const [what, changes, pattern] of BAD) {
  test(`${what} is refused before any node is asked`, async () => {
    using fleet = await startFleet(NAMES);
    const { code, message } = await failureOf(create(fleet, 'v', changes));
    assert.equal(code, 'InvalidArgument');
    assert.match(message, pattern);
    assert.deepEqual(
      fleet.nodes.flatMap((node) => node.forwards()),
      [],
    );
  });
}

test('without a default pool the class must name one', async () => {
  using fleet = await startFleet(NAMES, { pools: [aPool('fast'), aPool('slow')] });
  const { code, message } = await failureOf(create(fleet, 'v'));
  assert.equal(code, 'InvalidArgument');
  assert.match(message, /parameter pool is required: configured are fast, slow/);
});

const FOREIGN: readonly (readonly [string, (fleet: Fleet) => object])[] = [
  ["another node's id", (fleet) => ({ volumeId: fleet.node('b').volumeId('v'), accessibleTopology: segments('a') })],
  ["another volume's id", (fleet) => ({ volumeId: fleet.node('a').volumeId('w'), accessibleTopology: segments('a') })],
  ["another node's topology", (fleet) => ({ volumeId: fleet.node('a').volumeId('v'), accessibleTopology: segments('b') })],
  [
    'a second segment',
    (fleet) => ({ volumeId: fleet.node('a').volumeId('v'), accessibleTopology: [{ segments: { [`${DRIVER}/node`]: 'a', zone: 'z' } }] }),
  ],
  ['no volume', () => ({})],
];
for (const [what, volume] of FOREIGN) {
  test(`an agent that answers with ${what} is not believed`, async () => {
    using fleet = await startFleet(NAMES);
    fleet.node('a').handlers.CreateVolume = () => ({ volume: volume(fleet) }) as never;
    assert.equal((await failureOf(create(fleet, 'v', only('a')))).code, 'Internal');
  });
}
