import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import type { KubeObject } from './lib/api.ts';
import { bytesOf, capacities, controllerPod, DRIVER, http, nodeOfCapacity, roomOn, sample, storageClass } from './lib/driver.ts';
import { CLASSES, Space } from './lib/space.ts';

/** Topology and capacity: what the scheduler is told, and where volumes go. */
const space = await Space.open('capacity');
after(() => space.close());
const { api } = space;
const nodes = space.cluster.nodes.map(({ name }) => name).sort();
const [first = '', second = '', third = ''] = nodes;

/** Of the node's own xfs, which nobody else writes to. */
const STEADY = ['image', 'image-now', 'image-ext4', 'reflink', 'reflink-now'];

test('every class has a CSIStorageCapacity for every node, owned by the Deployment', async () => {
  const classes = (await api.list<KubeObject & { readonly provisioner: string }>(CLASSES)).filter(
    ({ provisioner }) => provisioner === DRIVER,
  );
  const wanted = classes.flatMap(({ metadata }) => nodes.map((node) => `${metadata.name} ${node}`)).sort();
  await space.until('all objects', async () => {
    const found = (await capacities(api)).map((each) => `${each.storageClassName} ${nodeOfCapacity(each)}`).sort();
    assert.deepEqual(found, wanted);
  });
  for (const name of STEADY)
    for (const node of nodes) {
      const room = await roomOn(api, name, node);
      assert.ok(room > bytesOf('1Gi') && room < bytesOf('4Gi'), `${name} on ${node}: ${room}`);
    }
  // A pool that one node has alone.
  assert.deepEqual([await roomOn(api, 'rare', first), await roomOn(api, 'rare', second)], [0, 0]);
  assert.ok((await roomOn(api, 'rare', third)) > bytesOf('1Gi'));
});

test('no object is written while nothing moves', async () => {
  const versions = async (): Promise<readonly string[]> =>
    (await capacities(api))
      .filter(({ storageClassName }) => STEADY.includes(storageClassName))
      .map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`)
      .sort();
  const asked = async (): Promise<number> =>
    sample(await http(api, await controllerPod(api), '/metrics'), 'convoy_csi_calls_total', { method: 'GetCapacity' });
  // What an earlier test deleted may still be on its way out.
  await space.until('a poll that changes nothing', async () => {
    const [before, calls] = [await versions(), await asked()];
    await space.until('the next poll', async () => assert.ok((await asked()) >= calls + (await capacities(api)).length));
    assert.deepEqual(await versions(), before);
  });
  const [before, calls] = [await versions(), await asked()];
  const twice = calls + 2 * (await capacities(api)).length;
  await space.until('two polls', async () => assert.ok((await asked()) >= twice));
  assert.deepEqual(await versions(), before);
});

test('capacity follows what is made and deleted, and a full node is passed over', async () => {
  const before = await roomOn(api, 'image', first);
  await space.outside(CLASSES, storageClass('capacity-first', { pool: 'image' }, { nodes: [first] }));
  const filler = `${Math.floor(before / bytesOf('1Mi')) - 200}Mi`;
  await space.claim('filler', { storageClass: 'capacity-first', size: filler });
  assert.equal(await space.nodeOf('filler'), first);
  await space.until('the room to shrink', async () => assert.ok((await roomOn(api, 'image', first)) < bytesOf('320Mi')));

  await space.claim('late', { storageClass: 'image', size: '320Mi' });
  await space.claim('now', { storageClass: 'image-now', size: '320Mi' });
  await space.claim('pinned', { storageClass: 'image', size: '320Mi' });
  await space.pod('pinned', { claims: { '/data': 'pinned' }, node: first });
  await space.run('late', { claims: { '/data': 'late' }, prefers: first });
  assert.notEqual(await space.podNode('late'), first);
  assert.notEqual(await space.nodeOf('now'), first);
  await space.event('pinned', /did not have enough free storage/);
  await space.claim('too-large', { storageClass: 'image-now', size: '8Gi' });
  const { message } = await space.event('too-large', /no node can take volume/);
  assert.match(message, new RegExp(`node (${nodes.join('|')}): no room for volume \\S+ of 8589934592 bytes: pool image can promise`));

  await space.removeClaims('filler');
  await space.until('the room to grow back', async () => assert.ok((await roomOn(api, 'image', first)) > before - bytesOf('400Mi')));
  await space.ready('pinned');
  assert.equal(await space.podNode('pinned'), first);
});

suite('topology', { concurrency: true }, () => {
  test('allowedTopologies is honoured, bound at once or late', async () => {
    await space.outside(CLASSES, storageClass('capacity-second', { pool: 'default' }, { nodes: [second] }));
    await space.outside(
      CLASSES,
      storageClass('capacity-second-late', { pool: 'default' }, { nodes: [second], binding: 'WaitForFirstConsumer' }),
    );
    await space.claim('second', { storageClass: 'capacity-second' });
    await space.claim('second-late', { storageClass: 'capacity-second-late' });
    await space.run('second-late', { claims: { '/data': 'second-late' }, prefers: first });
    assert.deepEqual([await space.nodeOf('second'), await space.nodeOf('second-late')], [second, second]);
    assert.equal(await space.podNode('second-late'), second);
  });

  test('a topology that no node meets: the event says what is missing', async () => {
    await space.outside(CLASSES, storageClass('capacity-nowhere', { pool: 'default' }, { nodes: ['node-99'] }));
    await space.outside(
      CLASSES,
      storageClass('capacity-nowhere-late', { pool: 'default' }, { nodes: ['node-99'], binding: 'WaitForFirstConsumer' }),
    );
    await space.claim('nowhere', { storageClass: 'capacity-nowhere' });
    await space.claim('nowhere-late', { storageClass: 'capacity-nowhere-late' });
    await space.pod('nowhere-late', { claims: { '/data': 'nowhere-late' } });
    await space.event('nowhere', /no agent of node node-99 is known.*allowedTopologies/);
    await space.event('nowhere-late', /didn't find available persistent volumes to bind/);
  });

  test('a pool that only one node has: the pod goes there; where it is left out, the event says what the node has', async () => {
    await space.claim('rare', { storageClass: 'rare' });
    await space.run('rare', { claims: { '/data': 'rare' }, prefers: first });
    assert.equal(await space.podNode('rare'), third);
    await space.outside(CLASSES, storageClass('capacity-no-pool', { pool: 'rare' }, { nodes: [first] }));
    await space.claim('no-pool', { storageClass: 'capacity-no-pool' });
    await space.event('no-pool', new RegExp(`node ${first} has no pool rare \\(it has [^)]*default`));
    await space.claim('rare-pinned', { storageClass: 'rare' });
    await space.pod('rare-pinned', { claims: { '/data': 'rare-pinned' }, node: first });
    await space.event('rare-pinned', /did not have enough free storage/);
  });
});
