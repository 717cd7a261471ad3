import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { agentPod, convoy, createCalls, DRIVER, POOLS, type PoolFacts, storageClass } from './lib/driver.ts';
import type { Snapshot, SnapshotContent } from './lib/objects.ts';
import { CLASSES, CONTENTS, SNAPSHOT_CLASSES, Space, VOLUMES } from './lib/space.ts';

/** Snapshots, restores and clones, and where they land: on the node of their data, at the first try. */
const space = await Space.open('snapshots');
after(() => space.close());

suite('snapshots', { concurrency: true }, () => {
  for (const facts of POOLS.filter(({ driver }) => driver !== 'local'))
    test(`${facts.pool} (${facts.driver}): restores and clones have what was there, on the node where it is, although another is preferred`, () =>
      copies(facts));

  test('local has none: snapshot and clone are refused with their reason', async () => {
    await space.claim('docker', { storageClass: 'docker-now' });
    await space.bound('docker');
    await space.snapshot('docker', 'docker');
    await space.claim('docker-clone', { storageClass: 'docker-now', clone: 'docker' });
    await snapshotError('docker', /driver local of pool docker has no snapshots/);
    await space.event('docker-clone', /driver local of pool docker cannot make a volume from a volume/);
    // A snapshot that was never cut: deleting it must not hang.
    await space.api.remove(space.path('volumesnapshots', 'docker'));
    await space.gone(space.path('volumesnapshots', 'docker'));
  });

  test('a parameter of a snapshot class that does not exist: the snapshot names it', async () => {
    await space.outside(SNAPSHOT_CLASSES, {
      metadata: { name: 'snapshots-foreign' },
      driver: DRIVER,
      deletionPolicy: 'Delete',
      parameters: { speed: 'high' },
    });
    await space.claim('foreign', { storageClass: 'default-now' });
    await space.bound('foreign');
    await space.snapshot('foreign', 'foreign', 'snapshots-foreign');
    await snapshotError('foreign', /unknown key \\*"speed\\*"; allowed are consistency/);
  });
});

suite('snapshots and their objects', { concurrency: true }, () => {
  test('a requirement that leaves the node of the data out: the event names the node and the ways out', leftOut);
  test('a pod that must run elsewhere stays pending, and the volume is where its data is', elsewhere);
  test('a snapshot outlives its volume; deleting it deletes what is on the node', outlives);
  test('a pre-provisioned VolumeSnapshotContent of a snapshot that exists', preProvisioned);
});

async function copies({ pool, size }: PoolFacts): Promise<void> {
  const name = (what: string): string => `${pool}-${what}`;
  await space.claim(name('source'), { storageClass: pool, size });
  await space.run(name('source'), { claims: { '/data': name('source') } });
  const sum = (
    await space.exec(name('source'), 'dd if=/dev/urandom of=/data/file bs=1M count=4 2>/dev/null; sync; md5sum </data/file')
  ).trim();
  const node = await space.podNode(name('source'));
  await space.snapshot(name('snapshot'), name('source'));
  await space.snapshotReady(name('snapshot'));
  await space.exec(name('source'), 'echo later >/data/file; sync');

  const other = otherThan(node);
  await space.claim(name('now'), { storageClass: name('now'), size, snapshot: name('snapshot') });
  await space.claim(name('late'), { storageClass: pool, size, snapshot: name('snapshot') });
  await space.claim(name('clone'), { storageClass: pool, size, clone: name('source') });
  await Promise.all([
    space.run(name('late'), { claims: { '/restored': name('late'), '/cloned': name('clone') }, prefers: other }),
    space.run(name('now'), { claims: { '/restored': name('now') }, prefers: other }),
  ]);
  for (const pod of [name('late'), name('now')]) {
    assert.equal(await space.podNode(pod), node, `pod ${pod} preferred ${other}`);
    assert.equal((await space.exec(pod, 'md5sum </restored/file')).trim(), sum);
  }
  assert.equal(await space.exec(name('late'), 'cat /cloned/file'), 'later\n');
  for (const claim of [name('now'), name('late'), name('clone')]) {
    assert.equal(await space.nodeOf(claim), node);
    const calls = await createCalls(space.api, (await space.getClaim(claim)).metadata.uid);
    // The provisioner may ask again for what it has; it must never be sent elsewhere.
    assert.deepEqual(new Set(calls), new Set([`OK ${(await space.volumeOf(claim)).spec.csi?.volumeHandle}`]), `claim ${claim}`);
  }
}

async function leftOut(): Promise<void> {
  const node = await source('left-out');
  const other = otherThan(node);
  await space.outside(CLASSES, storageClass('snapshots-elsewhere', { pool: 'default' }, { nodes: [other] }));
  await space.claim('left-out-restored', { storageClass: 'snapshots-elsewhere', snapshot: 'left-out' });
  await space.claim('left-out-clone', { storageClass: 'snapshots-elsewhere', clone: 'left-out' });
  const says = `is on node ${node}, but accessibility_requirements allow only ${other}: allow that node in the StorageClass \\(allowedTopologies\\), or let the pod run there`;
  const { message } = await space.event('left-out-restored', new RegExp(`snapshot \\S+ ${says}`));
  assert.match(message, /ResourceExhausted/);
  await space.event('left-out-clone', new RegExp(`volume \\S+ ${says}`));
}

async function elsewhere(): Promise<void> {
  const node = await source('bound');
  await space.claim('bound-late', { storageClass: 'default', snapshot: 'bound' });
  await space.pod('bound-elsewhere', { claims: { '/data': 'bound-late' }, node: otherThan(node) });
  assert.equal(await space.nodeOf('bound-late'), node);
  await space.event('bound-elsewhere', /didn't match PersistentVolume's node affinity|volume node affinity conflict/);
}

async function outlives(): Promise<void> {
  const node = await source('outlives', 'fast');
  const content = await space.contentOf('outlives');
  const volume = await space.volumeOf('outlives');
  await space.removePods('outlives');
  await space.removeClaims('outlives');
  await space.gone(`${VOLUMES}/${volume.metadata.name}`);
  await space.claim('outlives-restored', { storageClass: 'fast', snapshot: 'outlives' });
  await space.run('outlives-restored', { claims: { '/data': 'outlives-restored' } });
  assert.equal(await space.exec('outlives-restored', 'cat /data/file'), 'outlives\n');

  const handle = content.status?.snapshotHandle ?? assert.fail(`content ${content.metadata.name} has no handle`);
  const agent = await agentPod(space.api, node);
  const onNode = async (): Promise<readonly unknown[]> => {
    return ((await convoy(space, agent, 'snapshots', 'list')) as readonly { readonly id: string }[]).map(({ id }) => id);
  };
  assert.ok((await onNode()).includes(handle), `${handle} is on node ${node}`);
  await space.api.remove(space.path('volumesnapshots', 'outlives'));
  await space.gone(space.path('volumesnapshots', 'outlives'), `${CONTENTS}/${content.metadata.name}`);
  assert.ok(!(await onNode()).includes(handle), `${handle} is still on node ${node}`);
  assert.equal(await space.exec('outlives-restored', 'cat /data/file'), 'outlives\n');
}

async function preProvisioned(): Promise<void> {
  await source('dynamic', 'fast');
  const content = await space.contentOf('dynamic');
  await space.outside<SnapshotContent>(CONTENTS, {
    metadata: { name: 'snapshots-static' },
    spec: {
      driver: DRIVER,
      deletionPolicy: 'Retain',
      source: { snapshotHandle: content.status?.snapshotHandle },
      // What a snapshot of a file system may become; without it the provisioner asks nothing.
      sourceVolumeMode: 'Filesystem',
      volumeSnapshotRef: { namespace: space.name, name: 'static' },
    },
  });
  await space.api.create(space.path('volumesnapshots'), {
    metadata: { name: 'static' },
    spec: { source: { volumeSnapshotContentName: 'snapshots-static' } },
  });
  const { status } = await space.snapshotReady('static');
  assert.equal(status?.restoreSize, '64Mi');
  await space.claim('static', { storageClass: 'fast', snapshot: 'static' });
  await space.run('static', { claims: { '/data': 'static' } });
  assert.equal(await space.exec('static', 'cat /data/file'), 'dynamic\n');
}

/** A claim, a pod and a snapshot of one name; a file that holds the name. Resolves to the node. */
async function source(name: string, pool = 'default'): Promise<string> {
  await space.claim(name, { storageClass: pool });
  await space.run(name, { claims: { '/data': name } });
  await space.exec(name, `echo ${name} >/data/file; sync`);
  await space.snapshot(name, name);
  await space.snapshotReady(name);
  return await space.podNode(name);
}

function otherThan(node: string): string {
  return space.cluster.nodes.find(({ name }) => name !== node)?.name ?? assert.fail('one node is too few');
}

async function snapshotError(name: string, message: RegExp): Promise<void> {
  await space.until(`snapshot ${name} to say ${message}`, async () => {
    const { status } = await space.api.get<Snapshot>(space.path('volumesnapshots', name));
    assert.match(status?.error?.message ?? JSON.stringify(status), message);
  });
}
