import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { CHART } from '../rig/chart.ts';
import { KUBERNETES_NAMESPACE, RELEASE } from '../rig/paths.ts';
import { CommandError } from '../rig/shell.ts';
import { DRIVER, storageClass } from './lib/driver.ts';
import { CLASSES, Space } from './lib/space.ts';

/** What users and admins mistype: each is told by an event or an error that names the field and the way out. */
const space = await Space.open('bad-input');
after(() => space.close());

const CLASS_MISTAKES: readonly { readonly what: string; readonly parameters: Readonly<Record<string, string>>; readonly says: RegExp }[] = [
  {
    what: 'a parameter that does not exist',
    parameters: { pool: 'default', speed: 'high' },
    says: /parameter "speed" is not known to pool default/,
  },
  {
    what: 'a pool that does not exist',
    parameters: { pool: 'nowhere' },
    says: /parameters\["pool"\] is "nowhere", which is not configured; configured are default, /,
  },
  {
    what: 'a file system for directories',
    parameters: { pool: 'default', 'csi.storage.k8s.io/fstype': 'ext4' },
    says: /pool default keeps directories and makes no file system: leave it out/,
  },
  {
    what: 'a file system that nobody makes',
    parameters: { pool: 'fast', 'csi.storage.k8s.io/fstype': 'ntfs' },
    says: /fsType is "ntfs"; pool fast makes ext4, xfs/,
  },
  {
    what: "a driver's parameter that the pool does not allow",
    parameters: { pool: 'docker', type: 'tmpfs', device: 'tmpfs' },
    says: /parameter "(type|device)" may not be set for pool docker: its configuration does not list it in allowParameters/,
  },
];

suite('StorageClasses', { concurrency: true }, () => {
  for (const [index, { what, parameters, says }] of CLASS_MISTAKES.entries())
    test(`${what}: the claim's event names it`, async () => {
      const name = `bad-input-${index}`;
      await space.outside(CLASSES, storageClass(name, parameters));
      await space.claim(name, { storageClass: name });
      const { type } = await space.event(name, says);
      assert.equal(type, 'Warning');
      assert.equal((await space.getClaim(name)).status?.phase, 'Pending');
    });

  test('a restore by a class of another pool: the event says whose class to use', async () => {
    await space.claim('source', { storageClass: 'default-now' });
    await space.bound('source');
    await space.claim('clone', { storageClass: 'fast-now', clone: 'source' });
    await space.event('clone', /volume_content_source is in pool default, the new volume in pool fast: use a class of pool default/);
  });

  test("a mount option that the file system does not know: the pod's event says where it was asked for", async () => {
    await space.outside(CLASSES, { ...storageClass('bad-input-option', { pool: 'fast' }), mountOptions: ['nonsense=1'] });
    await space.claim('option', { storageClass: 'bad-input-option' });
    await space.pod('option', { claims: { '/data': 'option' } });
    await space.event('option', /mount_flags that are asked for \(mountOptions of the StorageClass\)/);
  });
});

async function helmSays(...args: readonly string[]): Promise<string> {
  try {
    const said = await space.cluster.helm(args);
    return assert.fail(`helm ${args.join(' ')} should have failed; it said ${said.slice(0, 500)}`);
  } catch (error) {
    if (error instanceof CommandError) return error.stderr;
    throw error;
  }
}

suite('helm', { concurrency: true }, () => {
  const here = ['--namespace', space.name];

  test('a second release of the same driver name is refused, and makes nothing', async () => {
    const said = await helmSays('install', 'second', CHART, ...here);
    assert.match(said, new RegExp(`driverName ${DRIVER} belongs to release ${RELEASE} in namespace ${KUBERNETES_NAMESPACE}`));
    assert.deepEqual(await space.api.list(`${space.path('secrets')}?labelSelector=owner%3Dhelm`), []);
  });

  test('a second release of another driver name, with a class that is taken: the error names the class', async () => {
    const said = await helmSays('install', 'second', CHART, ...here, '--set', 'driverName=second.convoy-csi.org');
    assert.match(said, new RegExp(`storageClasses\\[0\\].name convoy belongs to release ${RELEASE}`));
  });

  test('a typo in the values: the error names the key', async () => {
    const upgrade = ['upgrade', RELEASE, CHART, '--namespace', KUBERNETES_NAMESPACE, '--dry-run=client', '--reuse-values'];
    assert.match(await helmSays(...upgrade, '--set', 'capacity.pollIntervall=1s'), /pollIntervall/);
    assert.match(await helmSays(...upgrade, '--set', 'kubletDir=/var/lib/kubelet'), /kubletDir/);
  });

  test('a class of a pool that no node has: the error names class and pools', async () => {
    const args = ['upgrade', RELEASE, CHART, '--namespace', KUBERNETES_NAMESPACE, '--dry-run=client'];
    const said = await helmSays(...args, '--set', 'storageClasses[0].name=convoy,storageClasses[0].parameters.pool=nowhere');
    assert.match(said, /storageClasses\[0\]\.parameters\.pool is "nowhere"; the pools are default/);
  });
});
