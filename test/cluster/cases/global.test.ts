import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { isCode } from '../../support/csi.ts';
import { listVolumes } from '../../support/volumes.ts';
import { KUBERNETES_NAMESPACE, nodeZone, POOL_SHARED, POOL_SHARED_A, ZONE_LABEL } from '../rig/paths.ts';
import type { KubeObject } from './lib/api.ts';
import {
  agentPod,
  bytesOf,
  capacities,
  controllerPod,
  DRIVER,
  http,
  killConvoy,
  nodeOfCapacity,
  roomOn,
  sample,
  storageClass,
  TOPOLOGY_KEY,
} from './lib/driver.ts';
import { untilDriverReady } from './lib/driver-state.ts';
import { admin, adminFails, globalVolumes, holdersOf, namesIn, withController } from './lib/global.ts';
import { claimSpec, HOST_LABEL, podSpec, type Volume } from './lib/objects.ts';
import { assertPrivileges } from './lib/privileges.ts';
import { CLASSES, Space, VOLUMES } from './lib/space.ts';
import { progress, startWriters, stillWriting, type WriterPod } from './lib/writers.ts';

/** Pools on what all nodes share: the controller manages them, every node publishes from them, and zone a has one for itself. */
const space = await Space.open('global');
after(() => space.close());
const { api, cluster } = space;
const nodes = cluster.nodes.map(({ name }) => name).sort();
const [one = '', two = '', three = ''] = nodes;
/** What copying the files of others takes, by name and number (capabilities(7)). */
const COPYING = { CHOWN: 0, DAC_OVERRIDE: 1, FOWNER: 3, FSETID: 4, MKNOD: 27, SETFCAP: 31 };
const inZone = (zone: string): readonly string[] => cluster.nodes.filter(({ number }) => nodeZone(number) === zone).map(({ name }) => name);

suite('shared by all nodes', { concurrency: true }, () => {
  for (const storageClass of ['shared', 'shared-now'])
    test(`${storageClass}: a ReadWriteMany claim is written on every node at once, and is bound to none`, () => many(storageClass));

  test('snapshot, restore and clone of what one node wrote are used on another', copies);
  test('what is mounted read-only on another node is not written there', readOnly);
  test('fsGroup: files are those of the group, on every node', fsGroup);

  test('a claim grows under its pod', async () => {
    await space.claim('growing', { storageClass: 'shared' });
    await space.run('growing', { claims: { '/data': 'growing' }, node: two });
    await space.grow('growing', '128Mi');
    await space.grown('growing', '128Mi');
  });

  test('ReadWriteOncePod keeps a pod on another node waiting until the first has gone', async () => {
    await space.claim('once', { storageClass: 'shared', mode: 'ReadWriteOncePod' });
    await space.run('once-first', { claims: { '/data': 'once' }, node: one });
    await space.pod('once-second', { claims: { '/data': 'once' }, node: three });
    await space.event('once-second', /ReadWriteOncePod/);
    await space.exec('once-first', 'echo mine >/data/file; sync');
    await space.removePods('once-first');
    await space.ready('once-second');
    assert.equal(await space.exec('once-second', 'cat /data/file'), 'mine\n');
  });

  test('ReadWriteOnce is one node: a pod on another one starts when the first has gone, and is told so until then', async () => {
    await space.claim('single', { storageClass: 'shared' });
    await space.run('single-first', { claims: { '/data': 'single' }, node: one });
    await space.run('single-beside', { claims: { '/data': 'single' }, node: one });
    await space.exec('single-first', 'echo mine >/data/file; sync');
    await space.pod('single-elsewhere', { claims: { '/data': 'single' }, node: two });
    await space.event('single-elsewhere', new RegExp(`is for a single node at a time, and is staged on node ${one}.*ReadWriteMany`));
    assert.equal(await space.exec('single-beside', 'cat /data/file'), 'mine\n');
    await space.removePods('single-first', 'single-beside');
    await space.ready('single-elsewhere');
    assert.equal(await space.exec('single-elsewhere', 'cat /data/file'), 'mine\n');
  });

  test('a generic ephemeral volume comes and goes with its pod', async () => {
    await space.run('ephemeral', { ephemeral: { '/data': { storageClass: 'shared' } }, node: three });
    await space.exec('ephemeral', 'echo scratch >/data/file; sync');
    const volume = await space.volumeOf('ephemeral-volume-0');
    await space.removePods('ephemeral');
    await space.gone(`${VOLUMES}/${volume.metadata.name}`);
    assert.ok(!(await namesIn(space, POOL_SHARED, 'volumes')).includes(localId(volume)));
  });

  test("a StatefulSet's pod that moves to another node finds its data", moved);
  test('a volume that nodes use is not deleted, and the refusal names them', held);
  test('a raw block volume, and a copy from a local pool, are refused with their reason', async () => {
    await space.claim('raw', { storageClass: 'shared-now', block: true });
    await space.claim('local', { storageClass: 'default-now' });
    await space.bound('local');
    await space.claim('local-clone', { storageClass: 'shared-now', clone: 'local' });
    await space.event('raw', /serves volumeMode Filesystem only/);
    await space.event(
      'local-clone',
      /is in local pool default, and the new volume would be in global pool shared: use a class of pool default/,
    );
  });
});

suite('shared by the nodes of one zone', { concurrency: true }, () => {
  test('every node tells the driver its name and its zone', async () => {
    for (const { name, number } of cluster.nodes) {
      const { spec } = await api.get<CsiNode>(`/apis/storage.k8s.io/v1/csinodes/${name}`);
      const ours = spec.drivers.find((driver) => driver.name === DRIVER);
      assert.deepEqual(ours?.topologyKeys, [TOPOLOGY_KEY, ZONE_LABEL].sort(), name);
      const { metadata } = await api.get(`/api/v1/nodes/${name}`);
      assert.deepEqual([metadata.labels?.[TOPOLOGY_KEY], metadata.labels?.[ZONE_LABEL]], [name, nodeZone(number)]);
    }
  });

  test('a volume is bound to the zone, and a pod follows it there', async () => {
    await space.claim('zonal-now', { storageClass: 'zonal-now', mode: 'ReadWriteMany' });
    await space.claim('zonal', { storageClass: 'zonal', mode: 'ReadWriteMany' });
    // It would rather run elsewhere, and may not.
    await space.run('zonal', { claims: { '/late': 'zonal', '/now': 'zonal-now' }, prefers: three });
    const node = await space.podNode('zonal');
    assert.ok(inZone('a').includes(node), `it runs on ${node}`);
    for (const claim of ['zonal', 'zonal-now']) {
      const volume = await space.volumeOf(claim);
      assert.match(volume.spec.csi?.volumeHandle ?? '', /^zonal\.global\.v[0-9a-f]{32}$/);
      assert.deepEqual(volume.spec.nodeAffinity?.required?.nodeSelectorTerms, [
        { matchExpressions: [{ key: ZONE_LABEL, operator: 'In', values: ['a'] }] },
      ]);
    }
    await space.exec('zonal', 'echo zonal >/late/file; sync');
    const other = inZone('a').find((name) => name !== node);
    await space.run('zonal-other', { claims: { '/late': 'zonal' }, node: other ?? '' });
    assert.equal(await space.exec('zonal-other', 'cat /late/file'), 'zonal\n');
    await space.pod('zonal-outside', { claims: { '/now': 'zonal-now' }, node: three });
    await space.event('zonal-outside', /didn't match PersistentVolume's node affinity|volume node affinity conflict/);
  });

  test('the scheduler knows that there is no room in another zone', async () => {
    for (const { name, number } of cluster.nodes)
      await space.until(`the room of class zonal for ${name}`, async () => {
        const room = await roomOn(api, 'zonal', name);
        assert.ok(nodeZone(number) === 'a' ? room > bytesOf('1Gi') : room === 0, `${room}`);
      });
    await space.claim('zonal-late', { storageClass: 'zonal' });
    await space.pod('zonal-late', { claims: { '/data': 'zonal-late' }, node: three });
    await space.event('zonal-late', /did not have enough free storage/);
    assert.equal((await space.getClaim('zonal-late')).status?.phase, 'Pending');
  });

  test('allowedTopologies of that zone are met, and of another one refused with the name of the zone', async () => {
    for (const zone of ['a', 'b']) {
      const name = `global-zone-${zone}`;
      const allowedTopologies = [{ matchLabelExpressions: [{ key: ZONE_LABEL, values: [zone] }] }];
      await space.outside(CLASSES, { ...storageClass(name, { pool: 'zonal' }), allowedTopologies });
      await space.claim(name, { storageClass: name });
    }
    const { message } = await space.event('global-zone-b', new RegExp(`${ZONE_LABEL}=a.*${ZONE_LABEL}=b`));
    assert.match(message, /ResourceExhausted/);
    await space.bound('global-zone-a');
  });
});

suite('what an admin sees of it', { concurrency: true }, () => {
  test('the same room for every node, in an object for each class', async () => {
    for (const storageClass of ['shared', 'shared-now']) {
      const found = await space.until(`the objects of ${storageClass}`, async () => {
        const objects = (await capacities(api)).filter((each) => each.storageClassName === storageClass);
        assert.deepEqual(objects.map(nodeOfCapacity).sort(), nodes);
        return objects;
      });
      for (const { capacity = '0' } of found) assert.ok(bytesOf(capacity) > bytesOf('1Gi'), capacity);
    }
  });

  test('a volume that was made by hand is an orphan, until it is deleted by hand', async () => {
    const { id } = (await admin(space, 'volumes', 'create', 'by-hand', '--pool', 'shared', '--size', '16Mi')) as { readonly id: string };
    const listed = async () =>
      (await admin(space, 'orphans', '--min-age', '0s')) as {
        readonly orphans: readonly { readonly id: string; readonly pool: string; readonly sizeBytes: number }[];
        readonly silent: readonly unknown[];
      };
    const { orphans, silent } = await listed();
    assert.deepEqual(silent, []);
    const found = orphans.find((each) => each.id === id) ?? assert.fail(`no ${id} in ${JSON.stringify(orphans)}`);
    assert.deepEqual([found.pool, found.sizeBytes], ['shared', bytesOf('16Mi')]);
    await admin(space, 'volumes', 'delete', id);
    assert.ok(!(await listed()).orphans.some((each) => each.id === id));
  });

  test("the controller's metrics have its pools, and its pools are made only once", async () => {
    const metrics = await http(api, await controllerPod(api), '/metrics');
    for (const pool of ['shared', 'zonal']) assert.equal(sample(metrics, 'convoy_pool_open', { pool }), 1, pool);
    assert.ok(sample(metrics, 'convoy_volumes', { pool: 'shared' }) >= 1);
    assert.match((await adminFails(space, 'pools', 'init', 'shared')).message, /shared/);
    assert.equal(sample(await http(api, await controllerPod(api), '/metrics'), 'convoy_pool_open', { pool: 'shared' }), 1);
  });

  test('the controller has what copying takes and no more, its sidecars have nothing', () => assertPrivileges(space, COPYING));
});

suite('while what serves them is killed', () => {
  test("a node's agent is killed and deleted: its pod writes on, and its hold stands", agentKilled);
  test('the controller is killed and deleted while claims are made: all are bound, and nothing is half', controllerKilled);

  test('every volume is listed, and every one has its PersistentVolume', async () => {
    await space.until('the same volumes everywhere', async () => {
      const listed = await withController(space, (csi) => listVolumes(csi, 3));
      const claimed = (await api.list<Volume>(VOLUMES)).filter(({ spec }) => spec.csi?.driver === DRIVER);
      assert.deepEqual(listed.map(({ volumeId }) => volumeId).sort(), claimed.map(handleOf).sort());
    });
    await asClaimed('shared', POOL_SHARED);
    await asClaimed('zonal', POOL_SHARED_A);
  });
});

interface CsiNode extends KubeObject {
  readonly spec: { readonly drivers: readonly { readonly name: string; readonly topologyKeys?: readonly string[] }[] };
}

async function many(storageClass: string): Promise<void> {
  const claim = `${storageClass}-many`;
  const podOn = (node: string): string => `${claim}-${node}`;
  await space.claim(claim, { storageClass, mode: 'ReadWriteMany' });
  if (storageClass === 'shared-now') await space.bound(claim);
  await Promise.all(nodes.map((node) => space.run(podOn(node), { claims: { '/data': claim }, node })));
  const volume = await space.volumeOf(claim);
  assert.equal(volume.spec.nodeAffinity, undefined);
  assert.match(handleOf(volume), /^shared\.global\.v[0-9a-f]{32}$/);
  await Promise.all(nodes.map((node) => space.exec(podOn(node), `echo ${node} >/data/${node}; sync`)));
  for (const node of nodes) {
    assert.equal(await space.podNode(podOn(node)), node);
    assert.equal(await space.exec(podOn(node), 'cat /data/*'), nodes.map((each) => `${each}\n`).join(''));
  }
}

async function copies(): Promise<void> {
  await space.claim('source', { storageClass: 'shared' });
  await space.run('source', { claims: { '/data': 'source' }, node: one });
  const write = 'dd if=/dev/urandom of=/data/file bs=1M count=4 2>/dev/null; sync; md5sum </data/file';
  const sum = await space.exec('source', write);
  await space.snapshot('cut', 'source');
  const { status } = await space.snapshotReady('cut');
  assert.equal(status?.restoreSize, '64Mi');
  assert.match((await space.contentOf('cut')).status?.snapshotHandle ?? '', /^shared\.global\.s[0-9a-f]{32}$/);
  await space.exec('source', 'echo later >/data/file; sync');
  await space.claim('restored', { storageClass: 'shared', snapshot: 'cut' });
  await space.claim('cloned', { storageClass: 'shared-now', clone: 'source', size: '128Mi' });
  await space.run('copies', { claims: { '/restored': 'restored', '/cloned': 'cloned' }, node: three });
  assert.equal(await space.exec('copies', 'md5sum </restored/file'), sum);
  assert.equal(await space.exec('copies', 'cat /cloned/file'), 'later\n');
  await space.exec('copies', 'echo of the clone >/cloned/file; sync');
  assert.equal(await space.exec('source', 'cat /data/file'), 'later\n');
}

async function readOnly(): Promise<void> {
  await space.claim('seen', { storageClass: 'shared', mode: 'ReadWriteMany' });
  await space.run('seen-writer', { claims: { '/data': 'seen' }, node: one });
  await space.run('seen-reader', { claims: { '/data': { claim: 'seen', readOnly: true } }, node: two });
  await space.exec('seen-writer', 'echo seen >/data/file; sync');
  assert.equal(await space.exec('seen-reader', 'cat /data/file'), 'seen\n');
  assert.match(await space.execFails('seen-reader', 'echo no >/data/file'), /Read-only file system/);
}

async function fsGroup(): Promise<void> {
  await space.claim('group', { storageClass: 'shared', mode: 'ReadWriteMany' });
  const options = { claims: { '/data': 'group' }, user: 1000, fsGroup: 2000 };
  await space.run('group-first', { ...options, node: one });
  await space.exec('group-first', 'echo first >/data/file; sync');
  await space.run('group-second', { ...options, user: 1001, node: two });
  const owners = await space.exec('group-second', 'id -u; stat -c %g /data /data/file; echo second >>/data/file; cat /data/file');
  assert.equal(owners, '1001\n2000\n2000\nfirst\nsecond\n');
}

async function moved(): Promise<void> {
  const labels = { app: 'moving' };
  const spec = podSpec({ node: one }) as { readonly containers: readonly [object] };
  const containers = [{ ...spec.containers[0], volumeMounts: [{ name: 'data', mountPath: '/data' }] }];
  await api.create(space.path('statefulsets'), {
    metadata: { name: 'moving' },
    spec: {
      replicas: 1,
      serviceName: 'none',
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { ...spec, containers } },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claimSpec({ storageClass: 'shared' }) }],
    },
  });
  await space.until('moving-0 to be made', async () => assert.equal(await space.podNode('moving-0'), one));
  await space.ready('moving-0');
  await space.exec('moving-0', 'echo from the first >/data/file; sync');
  const before = await space.volumeOf('data-moving-0');
  await api.merge(space.path('statefulsets', 'moving'), { spec: { template: { spec: { nodeSelector: { [HOST_LABEL]: three } } } } });
  await space.until('moving-0 to move', async () => assert.equal(await space.podNode('moving-0'), three));
  await space.ready('moving-0');
  assert.equal(await space.exec('moving-0', 'cat /data/file'), 'from the first\n');
  assert.equal((await space.volumeOf('data-moving-0')).metadata.uid, before.metadata.uid);
  await space.until('the old node to let go', async () => assert.deepEqual(await holdersOf(space, handleOf(before)), [`node ${three}`]));
}

/** No user can have it deleted: the claim stays for as long as its pods do. An admin and a sidecar could try. */
async function held(): Promise<void> {
  const podOn = (node: string): string => `held-${node}`;
  await space.claim('held', { storageClass: 'shared', mode: 'ReadWriteMany' });
  for (const node of [one, two]) await space.run(podOn(node), { claims: { '/data': 'held' }, node });
  await space.exec(podOn(one), 'echo kept >/data/file; sync');
  const volume = await space.volumeOf('held');
  const id = handleOf(volume);
  await refusesToDelete(id, [one, two]);
  await withController(space, async (csi) => {
    await assert.rejects(csi.call('DeleteVolume', { volumeId: id }), (error) => isCode(error, 'FAILED_PRECONDITION'));
  });
  await space.exec(podOn(one), 'echo and written >>/data/file; sync');
  assert.equal(await space.exec(podOn(two), 'cat /data/file'), 'kept\nand written\n');

  await space.removePods(podOn(one));
  await space.until('the first node to let go', async () => assert.deepEqual(await holdersOf(space, id), [`node ${two}`]));
  await refusesToDelete(id, [two]);
  assert.equal(await space.exec(podOn(two), 'cat /data/file'), 'kept\nand written\n');
  await space.removePods(podOn(two));
  await space.removeClaims('held');
  await space.gone(`${VOLUMES}/${volume.metadata.name}`);
  assert.ok(!(await namesIn(space, POOL_SHARED, 'volumes')).includes(localId(volume)));
}

async function refusesToDelete(id: string, holders: readonly string[]): Promise<void> {
  assert.deepEqual(
    await holdersOf(space, id),
    holders.map((node) => `node ${node}`),
  );
  const { code, message } = await adminFails(space, 'volumes', 'delete', id);
  assert.equal(code, 'InUse', message);
  for (const node of nodes) assert.equal(message.includes(node), holders.includes(node), `${node} in: ${message}`);
}

/** Of a pod of the driver. */
const ENDS: readonly ((pod: string) => Promise<void>)[] = [
  (pod) => killConvoy(space, pod),
  (pod) => api.remove(`/api/v1/namespaces/${KUBERNETES_NAMESPACE}/pods/${pod}`),
];

async function agentKilled(): Promise<void> {
  const writers: readonly WriterPod[] = [{ name: 'writer', node: one, claims: { written: 'shared' } }];
  await startWriters(space, writers);
  const id = handleOf(await space.volumeOf('written'));
  for (const end of ENDS) {
    const begun = await progress(space, writers);
    await end(await agentPod(api, one));
    await stillWriting(space, writers, begun);
    await refusesToDelete(id, [one]);
    await untilDriverReady(space);
    await stillWriting(space, writers, await progress(space, writers));
    await refusesToDelete(id, [one]);
  }
  await space.removePods('writer');
  await space.until('the node to let go', async () => assert.deepEqual(await holdersOf(space, id), []));
}

/** Clones of many files, so that there is something to be in the middle of. */
async function controllerKilled(): Promise<void> {
  await space.claim('files', { storageClass: 'shared-now' });
  await space.run('files', { claims: { '/data': 'files' }, node: one });
  const write = 'i=0; while [ $i -lt 500 ]; do head -c 16384 /dev/urandom >/data/$i; i=$((i+1)); done; sync';
  const sum = 'cat $(ls -d $0/* | sort) | md5sum';
  const expected = await space.exec('files', `${write}; sh -c '${sum}' /data`);
  for (const [round, end] of ENDS.entries()) {
    const before = (await namesIn(space, POOL_SHARED, 'volumes')).length;
    const names = Array.from({ length: 5 }, (_, index) => `copy-${round}-${index}`);
    for (const name of names) await space.claim(name, { storageClass: 'shared-now', clone: 'files' });
    await space.until('the first copy to be begun', async () => assert.ok((await namesIn(space, POOL_SHARED, 'volumes')).length > before));
    const bound = (await Promise.all(names.map((name) => space.getClaim(name)))).filter(({ status }) => status?.phase === 'Bound');
    assert.ok(bound.length < names.length, 'all copies were made before the controller could be ended');
    await end(await controllerPod(api));
    await Promise.all(names.map((name) => space.bound(name)));
    await space.run(`copies-${round}`, { claims: Object.fromEntries(names.map((name) => [`/${name}`, name])), node: three });
    for (const name of names) assert.equal(await space.exec(`copies-${round}`, `sh -c '${sum}' /${name}`), expected, name);
  }
  await untilDriverReady(space);
}

/** What is in the directory of a pool is what PersistentVolumes name, whole; what was deleted is on its way out. */
async function asClaimed(pool: string, path: string): Promise<void> {
  await space.until(`pool ${pool} to have what is claimed`, async () => {
    const volumes = (await api.list<Volume>(VOLUMES)).filter(({ spec }) => spec.csi?.volumeHandle.startsWith(`${pool}.global.`));
    assert.deepEqual(await globalVolumes(space, pool), volumes.map(handleOf).sort());
    const names = await namesIn(space, path, 'volumes');
    assert.deepEqual(names, volumes.map(localId).sort());
    for (const name of names) assert.deepEqual(await namesIn(space, path, 'volumes', name), ['data', 'record.json']);
    assert.deepEqual(await namesIn(space, path, 'trash'), []);
  });
}

const handleOf = ({ metadata, spec }: Volume): string => spec.csi?.volumeHandle ?? assert.fail(`${metadata.name} has no handle`);
const localId = (volume: Volume): string => handleOf(volume).split('.')[2] ?? '';
