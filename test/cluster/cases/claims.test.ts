import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { bytesOf, DRIVER, POOLS, type PoolFacts } from './lib/driver.ts';
import { claimSpec, podSpec, type Volume } from './lib/objects.ts';
import { Space, VOLUMES } from './lib/space.ts';
import { notYet } from './lib/waiting.ts';

/** Claims and the pods that use them, in every pool: all that its driver can, and the reason for what it cannot. */
const space = await Space.open('claims');
after(() => space.close());

suite('claims', { concurrency: true }, () => {
  for (const facts of POOLS)
    test(`${facts.pool} (${facts.driver}): late and immediate binding, fsGroup, a second pod, read-only, data that outlives a killed pod`, () =>
      usual(facts));

  for (const { pool, size } of POOLS.filter(({ driver }) => driver === 'loop'))
    test(`${pool} (loop): a raw block volume is written, and read by the next pod`, () => raw(pool, size));

  for (const { pool, driver } of POOLS.filter((facts) => facts.driver !== 'loop'))
    test(`${pool} (${driver}): a raw block volume is refused with its reason`, async () => {
      const claim = `${pool}-block`;
      await space.claim(claim, { storageClass: `${pool}-now`, block: true });
      await space.event(claim, /serves volumeMode Filesystem only: use a pool of driver loop/);
      assert.equal((await space.getClaim(claim)).status?.phase, 'Pending');
    });

  for (const { pool, size } of POOLS.filter((facts) => facts.pool === 'default' || facts.pool === 'fast'))
    test(`${pool}: ReadWriteOncePod keeps a second pod waiting until the first has gone`, () => oncePod(pool, size));

  test('ReadWriteMany: directories on one node, refused with its reason for devices', async () => {
    await space.claim('many-directory', { storageClass: 'default-now', mode: 'ReadWriteMany' });
    await space.claim('many-device', { storageClass: 'fast-now', mode: 'ReadWriteMany' });
    await space.event('many-device', /its volumes are block devices of one node.*ReadWriteOnce/);
    await space.bound('many-directory');
  });
});

suite('workloads', { concurrency: true }, () => {
  test('mountOptions of the class are seen in the pod', async () => {
    await space.claim('options', { storageClass: 'fast-options' });
    await space.run('options', { claims: { '/data': 'options' } });
    const mounts = await space.exec('options', 'grep " /data " /proc/mounts');
    assert.match(mounts, / ext4 \S*\bnoatime\b/);
    assert.match(mounts, / ext4 \S*\bcommit=17\b/);
  });

  test('generic ephemeral volumes come and go with their pod', ephemeral);
  test('a StatefulSet: each replica has its own volume, and finds it again', statefulSet);
  test('a static PersistentVolume of a volume that exists, with reclaim policy Retain', staticVolume);
});

async function usual({ pool, driver, size }: PoolFacts): Promise<void> {
  const [late, now, first, second] = [`${pool}-late`, `${pool}-now`, `${pool}-first`, `${pool}-second`];
  await space.claim(late, { storageClass: pool, size });
  await space.claim(now, { storageClass: `${pool}-now`, size });
  await space.bound(now);
  await space.event(late, /waiting for first consumer/);
  assert.equal((await space.getClaim(late)).status?.phase, 'Pending', 'a late-binding claim waits for its pod');

  await space.run(first, { claims: { '/late': late, '/now': now }, user: 1000, fsGroup: 2000 });
  const node = await space.podNode(first);
  assert.deepEqual([await space.nodeOf(late), await space.nodeOf(now)], [node, node]);
  await space.exec(first, `echo ${pool} >/late/file; echo ${pool} >/now/file; sync`);
  assert.equal(await space.exec(first, 'id -u; stat -c %g /late /late/file /now /now/file'), '1000\n2000\n2000\n2000\n2000\n');
  if (driver === 'loop') {
    const total = bytesOf(`${(await space.exec(first, 'df -kP /late')).trim().split(/\s+/).at(-5)}Ki`);
    assert.ok(total > bytesOf(size) * 0.7 && total <= bytesOf(size), `a file system of ${total} bytes for a claim of ${size}`);
  }

  await space.run(second, { claims: { '/late': { claim: late, readOnly: true }, '/now': now } });
  assert.equal(await space.podNode(second), node);
  assert.equal(await space.exec(second, 'cat /late/file /now/file'), `${pool}\n${pool}\n`);
  assert.match(await space.execFails(second, 'echo no >/late/file'), /Read-only file system/);
  await space.exec(second, 'echo second >/now/second');
  assert.equal(await space.exec(first, 'cat /now/second'), 'second\n');

  // Force deleted: the object is gone at once, while the kubelet still unmounts.
  await space.api.remove(space.path('pods', first), { gracePeriodSeconds: 0 });
  await space.run(first, { claims: { '/late': late, '/now': now }, user: 1000, fsGroup: 2000 });
  assert.equal(await space.exec(first, 'cat /late/file /now/file /now/second'), `${pool}\n${pool}\nsecond\n`);
  assert.equal(await space.podNode(first), node);
}

async function raw(pool: string, size: string): Promise<void> {
  const [claim, pod] = [`${pool}-raw`, `${pool}-raw`];
  await space.claim(claim, { storageClass: pool, size, block: true });
  await space.run(pod, { devices: { '/dev/raw': claim } });
  assert.equal((await space.exec(pod, 'blockdev --getsize64 /dev/raw')).trim(), String(bytesOf(size)));
  const write = 'dd if=/dev/urandom of=/tmp/data bs=1M count=4 2>/dev/null; dd if=/tmp/data of=/dev/raw bs=1M conv=fsync 2>/dev/null';
  const sum = (await space.exec(pod, `${write}; md5sum </tmp/data`)).trim();
  await space.removePods(pod);
  await space.run(pod, { devices: { '/dev/raw': claim } });
  assert.equal((await space.exec(pod, 'dd if=/dev/raw bs=1M count=4 2>/dev/null | md5sum')).trim(), sum);
}

async function oncePod(pool: string, size: string): Promise<void> {
  const [claim, first, second] = [`${pool}-once`, `${pool}-once-first`, `${pool}-once-second`];
  await space.claim(claim, { storageClass: pool, size, mode: 'ReadWriteOncePod' });
  await space.run(first, { claims: { '/data': claim } });
  await space.pod(second, { claims: { '/data': claim } });
  await space.event(second, /ReadWriteOncePod/);
  assert.equal((await space.getPod(second)).spec.nodeName, undefined);
  await space.exec(first, 'echo mine >/data/file; sync');
  await space.removePods(first);
  await space.ready(second);
  assert.equal(await space.exec(second, 'cat /data/file'), 'mine\n');
}

async function ephemeral(): Promise<void> {
  const pod = 'ephemeral';
  await space.run(pod, {
    ephemeral: {
      '/vfs': { storageClass: 'default' },
      '/loop': { storageClass: 'fast' },
      '/local': { storageClass: 'docker' },
    },
  });
  await space.exec(pod, 'for each in /vfs /loop /local; do echo scratch >$each/file; done; cat /loop/file');
  const claims = [0, 1, 2].map((index) => `${pod}-volume-${index}`);
  const volumes = await Promise.all(claims.map((claim) => space.volumeOf(claim)));
  await space.removePods(pod);
  await space.gone(...claims.map((claim) => space.path('persistentvolumeclaims', claim)));
  await space.gone(...volumes.map(({ metadata }) => `${VOLUMES}/${metadata.name}`));
}

async function statefulSet(): Promise<void> {
  const labels = { app: 'set' };
  const mount = { name: 'data', mountPath: '/data' };
  const { containers, ...pod } = podSpec({}) as { readonly containers: readonly [object] };
  await space.api.create(space.path('statefulsets'), {
    metadata: { name: 'set' },
    spec: {
      replicas: 2,
      serviceName: 'none',
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { ...pod, containers: [{ ...containers[0], volumeMounts: [mount] }] } },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claimSpec({ storageClass: 'fast' }) }],
    },
  });
  await space.until('two replicas', async () => {
    const { status } = await space.api.get<{ readonly status?: { readonly readyReplicas?: number } }>(space.path('statefulsets', 'set'));
    if (status?.readyReplicas !== 2) notYet(JSON.stringify(status));
  });
  for (const name of ['set-0', 'set-1']) await space.exec(name, `echo ${name} >/data/name; sync`);
  const before = await space.getPod('set-0');
  await space.api.remove(space.path('pods', 'set-0'));
  await space.until('set-0 to be made again', async () => assert.notEqual((await space.getPod('set-0')).metadata.uid, before.metadata.uid));
  await space.ready('set-0');
  assert.equal(await space.exec('set-0', 'cat /data/name'), 'set-0\n');
  assert.equal(await space.exec('set-1', 'cat /data/name'), 'set-1\n');
  assert.equal(await space.podNode('set-0'), before.spec.nodeName);
}

/** The handle of a volume that was made by a claim, under a PersistentVolume that an admin writes. */
async function staticVolume(): Promise<void> {
  await space.claim('dynamic', { storageClass: 'fast' });
  await space.run('dynamic', { claims: { '/data': 'dynamic' } });
  await space.exec('dynamic', 'echo kept >/data/file; sync');
  const dynamic = await space.volumeOf('dynamic');
  await space.api.merge(`${VOLUMES}/${dynamic.metadata.name}`, { spec: { persistentVolumeReclaimPolicy: 'Retain' } });
  await space.removePods('dynamic');
  await space.removeClaims('dynamic');
  await space.api.remove(`${VOLUMES}/${dynamic.metadata.name}`);
  await space.gone(`${VOLUMES}/${dynamic.metadata.name}`);

  const { capacity, csi, nodeAffinity } = dynamic.spec;
  const path = `${VOLUMES}/claims-static`;
  await space.outside<Volume>(VOLUMES, {
    // With the annotation the provisioner deletes the volume once the policy says so.
    metadata: { name: 'claims-static', annotations: { 'pv.kubernetes.io/provisioned-by': DRIVER } },
    spec: {
      capacity,
      nodeAffinity,
      accessModes: ['ReadWriteOnce'],
      storageClassName: '',
      persistentVolumeReclaimPolicy: 'Retain',
      csi: { driver: DRIVER, volumeHandle: csi?.volumeHandle },
    },
  });
  await space.claim('static', { storageClass: '', volumeName: 'claims-static' });
  await space.run('static', { claims: { '/data': 'static' } });
  assert.equal(await space.exec('static', 'cat /data/file'), 'kept\n');
  await space.removePods('static');
  await space.removeClaims('static');
  await space.until('the volume to be released, and kept', async () => {
    assert.equal((await space.api.get<Volume>(path)).status?.phase, 'Released');
  });

  await space.claim('again', { storageClass: '', volumeName: 'claims-static' });
  await space.api.merge(path, { spec: { claimRef: null } });
  await space.run('again', { claims: { '/data': 'again' } });
  assert.equal(await space.exec('again', 'cat /data/file'), 'kept\n');
  await space.api.merge(path, { spec: { persistentVolumeReclaimPolicy: 'Delete' } });
  await space.removePods('again');
  await space.removeClaims('again');
  await space.gone(path);
}
