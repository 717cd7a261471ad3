import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError, Kube } from '../../charts/convoy-csi/files/kube.mts';
import { type Settings, test } from '../../charts/convoy-csi/files/test.mts';
import { leftOver } from '../../charts/convoy-csi/files/uninstall.mts';
import { FakeKube } from './fake-kube.ts';

const EVENTS = '/api/v1/namespaces/ns/events';
const SETTINGS: Settings = {
  namespace: 'ns',
  storageClass: 'convoy',
  snapshotClass: 'snaps',
  size: '1Gi',
  timeoutMs: 200,
  pollMs: 1,
  image: 'image',
  pullPolicy: 'Always',
  pullSecrets: [],
};
/** All is well. */
const GOOD: FakeKube['status'] = ({ kind }) =>
  kind === 'Pod' ? { phase: 'Succeeded' } : kind === 'VolumeSnapshot' ? { readyToUse: true } : { phase: 'Bound' };

async function run(
  settings: Partial<Settings>,
  arrange: (kube: FakeKube) => void,
): Promise<{ worked: boolean; said: string; kube: FakeKube }> {
  await using kube = await FakeKube.start();
  kube.lists.set(EVENTS, () => []);
  kube.status = GOOD;
  arrange(kube);
  const lines: string[] = [];
  const worked = await test(new Kube(kube.base, 'secret'), { ...SETTINGS, ...settings }, (line) => lines.push(line));
  return { worked, said: lines.join('\n'), kube };
}

describe('helm test', () => {
  it('writes, reads, snapshots, restores, reads, and leaves nothing', async () => {
    const { worked, said, kube } = await run({}, () => undefined);
    assert.ok(worked, said);
    assert.deepEqual([...kube.objects.keys()], []);
    const made = kube.requests.filter((request) => request.startsWith('POST')).map((request) => request.split('/').at(-1));
    assert.deepEqual(made, ['persistentvolumeclaims', 'pods', 'pods', 'volumesnapshots', 'persistentvolumeclaims', 'pods']);
    assert.match(said, /^ok: a pod writes to a new volume of StorageClass convoy /);
    assert.match(said, /^ok: a pod reads the volume that was restored from it /m);
    assert.doesNotMatch(said, /FAILED|skipped/);
  });

  it('says when snapshots are not tested', async () => {
    const { worked, said, kube } = await run({ snapshotClass: undefined }, () => undefined);
    assert.ok(worked);
    assert.match(said, /skipped: snapshot and restore/);
    assert.ok(!kube.requests.some((request) => request.includes('volumesnapshots')));
  });

  it('says what a pod that failed printed, and cleans up', async () => {
    const { worked, said, kube } = await run({}, (fake) => {
      fake.log = 'Error: EIO: i/o error\n';
      fake.status = (object) => (/-reader$/.test(object.metadata.name) ? { phase: 'Failed' } : GOOD(object));
    });
    assert.equal(worked, false);
    assert.match(said, /FAILED: another pod reads it: pod convoy-test-\w+-reader failed: Error: EIO/);
    assert.doesNotMatch(said, /snapshot/);
    assert.deepEqual([...kube.objects.keys()], []);
  });

  it('says what a claim that is never bound waits for, by its events', async () => {
    const { worked, said } = await run({}, (fake) => {
      fake.status = () => ({ phase: 'Pending' });
      const event = (name: string | undefined, message: string): object => ({
        involvedObject: { kind: 'PersistentVolumeClaim', name },
        type: 'Warning',
        reason: 'ProvisioningFailed',
        message,
      });
      fake.lists.set(EVENTS, () => {
        const claim = [...fake.objects.values()].find(({ kind }) => kind === 'PersistentVolumeClaim');
        return [event('another', 'not ours'), event(claim?.metadata.name, 'no pool is open')];
      });
    });
    assert.equal(worked, false);
    assert.match(said, /FAILED: a pod writes .*: not within 0\.2 s: pod \S+-writer is Pending, its claim \S+-source is Pending/);
    assert.match(said, /event of PersistentVolumeClaim convoy-test-\w+-source: Warning ProvisioningFailed: no pool is open/);
    assert.doesNotMatch(said, /not ours/);
  });

  it('says what a snapshot that is never ready suffers from', async () => {
    const broken = async (status: Readonly<Record<string, unknown>>): Promise<string> => {
      const { worked, said } = await run({}, (fake) => {
        fake.status = (object) => (object['kind'] === 'VolumeSnapshot' ? status : GOOD(object));
      });
      assert.equal(worked, false);
      return said;
    };
    assert.match(
      await broken({ error: { message: 'the pool cannot snapshot' } }),
      /VolumeSnapshotClass snaps becomes ready: not within .*: the pool cannot/,
    );
    assert.match(await broken({}), /is not ready: does a snapshot-controller run in the cluster\?/);
  });

  it('fails when something cannot be deleted, and names it', async () => {
    const { worked, said } = await run({ snapshotClass: undefined }, (fake) => {
      fake.stuck = /persistentvolumeclaims/;
    });
    assert.equal(worked, false);
    assert.match(said, /FAILED: everything is deleted again: .*persistentvolumeclaims\/convoy-test-\w+-source is still there/);
    assert.match(said, /left behind: .*-source/);
  });
});

describe('the look before an uninstall', () => {
  const names = { driver: 'csi.convoy-csi.org', release: 'storage', namespace: 'ns', revision: '3' };
  const volume = (name: string, driver: string, claim?: string): object => ({
    metadata: { name },
    spec: { csi: { driver }, ...(claim === undefined ? {} : { claimRef: { namespace: 'default', name: claim } }) },
  });
  const look = async (volumes: readonly object[], contents: readonly object[] | undefined, pageSize = 500): Promise<string | undefined> => {
    await using kube = await FakeKube.start();
    kube.pageSize = pageSize;
    kube.lists.set('/api/v1/persistentvolumes', () => volumes);
    if (contents !== undefined) kube.lists.set('/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents', () => contents);
    const found = await leftOver(new Kube(kube.base, 'secret'), names);
    assert.ok(kube.requests.every((request) => request.startsWith('GET ')));
    return found;
  };

  it('finds nothing in volumes of others, and none is asked of an API that is not there', async () => {
    assert.equal(await look([volume('a', 'other.csi.org'), { metadata: { name: 'b' }, spec: { hostPath: {} } }], undefined), undefined);
  });

  it('names each volume with its claim, each snapshot, and the ways out', async () => {
    const found = await look(
      [volume('a', 'other.csi.org'), volume('b', names.driver, 'data'), volume('c', names.driver)],
      [{ metadata: { name: 's' }, spec: { driver: names.driver } }],
      1,
    );
    assert.match(
      found ?? '',
      /still has\n {2}2 PersistentVolumes:\n {4}b \(claim default\/data\)\n {4}c\n {2}1 VolumeSnapshotContent:\n {4}s\n/,
    );
    assert.match(found ?? '', /helm uninstall storage -n ns --no-hooks/);
    assert.match(found ?? '', /helm rollback storage 3 -n ns/);
  });

  it('does not print thousands', async () => {
    const many = Array.from({ length: 1000 }, (_, index) => volume(`pv-${index}`, names.driver));
    assert.match((await look(many, [])) ?? '', /1000 PersistentVolumes:\n(?: {4}pv-\d+\n){20} {4}and 980 more\n/);
  });

  it('takes a refusal for no answer, not for nothing', async () => {
    await using kube = await FakeKube.start();
    await assert.rejects(leftOver(new Kube(kube.base, 'wrong'), names), (error) => error instanceof ApiError && error.status === 401);
  });
});
