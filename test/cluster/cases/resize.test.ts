import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { agentPod, bytesOf, http, sample } from './lib/driver.ts';
import { Space } from './lib/space.ts';
import { notYet } from './lib/waiting.ts';

/** Growing, with and without a pod, and restores and clones that are larger than what they are made from. */
const space = await Space.open('resize');
after(() => space.close());

/** Of the file system, as the pod sees it. */
async function sizeIn(pod: string, path = '/data'): Promise<number> {
  return bytesOf(`${(await space.exec(pod, `df -kP ${path}`)).trim().split(/\s+/).at(-5)}Ki`);
}

suite('resize', { concurrency: true }, () => {
  test('xfs grows under its pod', async () => {
    await space.claim('xfs', { storageClass: 'image', size: '320Mi' });
    await space.run('xfs', { claims: { '/data': 'xfs' } });
    await space.exec('xfs', 'echo before >/data/file; sync');
    const before = await sizeIn('xfs');
    await space.grow('xfs', '512Mi');
    await space.grown('xfs', '512Mi');
    const grown = await sizeIn('xfs');
    assert.equal(grown - before, bytesOf('192Mi'), `${before} bytes became ${grown}`);
    assert.equal(await space.exec('xfs', 'cat /data/file'), 'before\n');
  });

  test('a raw device grows under its pod', async () => {
    await space.claim('raw', { storageClass: 'fast', block: true });
    await space.run('raw', { devices: { '/dev/raw': 'raw' } });
    await space.grow('raw', '128Mi');
    await space.grown('raw', '128Mi');
    assert.equal((await space.exec('raw', 'blockdev --getsize64 /dev/raw')).trim(), String(bytesOf('128Mi')));
  });

  test('xfs grows without a pod, and the next pod finds it grown', async () => {
    await space.claim('offline', { storageClass: 'image', size: '320Mi' });
    await space.run('offline', { claims: { '/data': 'offline' } });
    await space.exec('offline', 'echo before >/data/file; sync');
    const before = await sizeIn('offline');
    await space.removePods('offline');
    await space.grow('offline', '512Mi');
    await space.until('the volume to have 512Mi', async () => {
      assert.equal((await space.volumeOf('offline')).spec.capacity.storage, '512Mi');
    });
    await space.run('offline', { claims: { '/data': 'offline' } });
    await space.grown('offline', '512Mi');
    assert.equal((await sizeIn('offline')) - before, bytesOf('192Mi'));
    assert.equal(await space.exec('offline', 'cat /data/file'), 'before\n');
  });

  test('ext4 grows under its pod where the node may (CAP_SYS_RESOURCE), else with the next pod, as the claim says', ext4);

  test('a directory grows at once: its size is a promise', async () => {
    await space.claim('directory', { storageClass: 'default-now' });
    await space.bound('directory');
    await space.grow('directory', '128Mi');
    await space.grown('directory', '128Mi');
  });

  test('local refuses to grow, with its reason', async () => {
    await space.claim('docker', { storageClass: 'docker-now' });
    await space.bound('docker');
    await space.grow('docker', '128Mi');
    await space.event('docker', /driver local of pool docker cannot grow volumes/);
    assert.equal((await space.getClaim('docker')).status?.capacity?.storage, '64Mi');
  });

  test('a restore and a clone can be larger than their source, and not smaller', larger);
});

async function ext4(): Promise<void> {
  await space.claim('ext4', { storageClass: 'fast' });
  await space.run('ext4', { claims: { '/data': 'ext4' } });
  await space.exec('ext4', 'echo before >/data/file; sync');
  const before = await sizeIn('ext4');
  const node = await space.podNode('ext4');
  const refused = await refusals(node);
  await space.grow('ext4', '128Mi');
  if (!(await mayGrowMountedExt4(node))) {
    await space.until('the agent to refuse to grow ext4', async () => assert.ok((await refusals(node)) > refused));
    await space.until('claim ext4 to say so', async () => {
      const conditions = (await space.getClaim('ext4')).status?.conditions ?? [];
      const { message = '' } = conditions.find(({ type }) => type === 'NodeResizeError') ?? notYet(JSON.stringify(conditions));
      assert.match(message, /cannot grow while it is mounted, since this process lacks CAP_SYS_RESOURCE: .*restart what uses the volume/);
    });
    assert.equal(await sizeIn('ext4'), before);
    await space.removePods('ext4');
    await space.run('ext4', { claims: { '/data': 'ext4' } });
  }
  await space.grown('ext4', '128Mi');
  const after = await sizeIn('ext4');
  assert.ok(after > before * 1.7 && after <= bytesOf('128Mi'), `${before} bytes became ${after}`);
  assert.equal(await space.exec('ext4', 'cat /data/file'), 'before\n');
}

/** A privileged container has what the node's own root has. */
async function mayGrowMountedExt4(node: string): Promise<boolean> {
  const CAP_SYS_RESOURCE = 24n;
  const line = (await space.cluster.node(node).run(['grep', '^CapBnd:', '/proc/self/status'])).split(/\s+/)[1];
  return ((BigInt(`0x${line}`) >> CAP_SYS_RESOURCE) & 1n) === 1n;
}

/** Until a pod is started anew: the kubelet takes this code for "not while it is in use", and asks no more. */
async function refusals(node: string): Promise<number> {
  const metrics = await http(space.api, await agentPod(space.api, node), '/metrics');
  return sample(metrics, 'convoy_csi_calls_total', { method: 'NodeExpandVolume', code: 'FAILED_PRECONDITION' });
}

async function larger(): Promise<void> {
  for (const [pool, size] of [
    ['image', '320Mi'],
    ['default', '64Mi'],
  ] as const) {
    await space.claim(`${pool}-source`, { storageClass: `${pool}-now`, size });
    await space.bound(`${pool}-source`);
  }
  const sources = ['image', 'default'];
  await Promise.all(
    sources.map(async (pool) => {
      await space.run(`${pool}-source`, { claims: { '/data': `${pool}-source` } });
      await space.exec(`${pool}-source`, `echo ${pool} >/data/file; sync`);
      await space.snapshot(pool, `${pool}-source`);
      await space.snapshotReady(pool);
      await space.claim(`${pool}-restored`, { storageClass: pool, snapshot: pool, size: '512Mi' });
      await space.claim(`${pool}-cloned`, { storageClass: pool, clone: `${pool}-source`, size: '512Mi' });
      await space.run(`${pool}-copies`, { claims: { '/restored': `${pool}-restored`, '/cloned': `${pool}-cloned` } });
      assert.equal(await space.exec(`${pool}-copies`, 'cat /restored/file /cloned/file'), `${pool}\n${pool}\n`);
      for (const copy of ['restored', 'cloned']) assert.equal((await space.getClaim(`${pool}-${copy}`)).status?.capacity?.storage, '512Mi');
    }),
  );
  const before = await sizeIn('image-source');
  for (const path of ['/restored', '/cloned']) assert.equal((await sizeIn('image-copies', path)) - before, bytesOf('192Mi'));
  await space.claim('smaller', { storageClass: 'image-now', snapshot: 'image', size: '310Mi' });
  await space.event('smaller', /less than the size|smaller than the source/);
}
