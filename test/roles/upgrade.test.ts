import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { ClusterRig, type RigNode } from '../support/cluster-rig.ts';
import { listSnapshots, listVolumes } from '../support/volumes.ts';
import { create, remove, snapshot } from './requests.ts';

/**
 * What the program left on a node before it had roles (test/fixtures/README.md) is served by its agent: markers, known pools,
 * records of volumes and snapshots, and records of what was published when the node lost its power.
 */
const FIXTURE = join(import.meta.dirname, '../fixtures/state-of-role-all.tar.gz');
const NODE = 'node-1';
const SIZE = 20n << 20n;
const VFS = 'vfs.35971be6e9bb024a.vfb140596bceec2413813794cdda61adf';
const LOOP = 'loop.35971be6e9bb024a.v9361f838a97447ddd43d38677ffc440c';
const LOCAL = 'local.35971be6e9bb024a.vefc53034ae5ad052bcc0b32c967d3363';
const SNAPSHOTS = {
  [VFS]: 'vfs.35971be6e9bb024a.s0355365432f84e242d8737af61137b8b',
  [LOOP]: 'loop.35971be6e9bb024a.s645185ad13e488b2a6e7d662e0d8d1ef',
};
/** Where the volumes were used then. */
const USE = '/tmp/convoy-fixture/use';

suite('the state of a version without roles', () => {
  const rig = new ClusterRig({ nodes: [NODE], drivers: ['vfs', 'loop'] });
  const node = rig.node(NODE);
  after(() => rig.end());
  const records = join(node.directory, 'root/node/volumes');
  unpack(rig, node);
  assert.equal(readdirSync(records).length, 2);

  test('is opened by an agent, and the controller lists all of it', async () => {
    await Promise.all([node.start(), rig.controller.start()]);
    await rig.untilWhole();
    assert.equal((await node.get('/readyz')).status, 200);
    const volumes = await listVolumes(rig.csi);
    assert.deepEqual(volumes.map(({ volumeId, capacityBytes }) => [volumeId, capacityBytes]).sort(), [
      [LOCAL, String(1n << 30n)],
      [LOOP, String(SIZE)],
      [VFS, String(SIZE)],
    ]);
    const snapshots = await listSnapshots(rig.csi);
    assert.deepEqual(
      snapshots.map(({ sourceVolumeId, snapshotId, readyToUse }) => [sourceVolumeId, snapshotId, readyToUse]).sort(),
      Object.entries(SNAPSHOTS)
        .map(([volume, id]) => [volume, id, true])
        .sort(),
    );
  });

  test('lets go of what was published when the power went', async () => {
    for (const volumeId of [VFS, LOOP]) {
      await node.csi.call('NodeUnpublishVolume', { volumeId, targetPath: `${USE}/pods/target/${volumeId}` });
      await node.csi.call('NodeUnstageVolume', { volumeId, stagingTargetPath: `${USE}/staging/${volumeId}` });
    }
    assert.deepEqual(readdirSync(records), []);
  });

  test('has the data that was written', async () => {
    const user = rig.user(NODE);
    for (const [volumeId, text] of [
      [VFS, 'second vfs\n'],
      [LOOP, 'second loop\n'],
      [LOCAL, 'first local\n'],
    ] as const) {
      const target = await user.publish(volumeId);
      assert.equal(readFileSync(join(target, 'file'), 'utf8'), text);
      await user.unpublish(volumeId);
    }
  });

  test('is restored from, and a call that is made again finds its own volume and snapshot', async () => {
    const user = rig.user(NODE);
    for (const [pool, volumeId] of [
      ['vfs', VFS],
      ['loop', LOOP],
    ] as const) {
      const fromSnapshot = SNAPSHOTS[volumeId];
      assert.equal((await create(rig, `pvc-${pool}`, { pool, sizeBytes: SIZE, on: [NODE] })).volumeId, volumeId);
      assert.equal((await snapshot(rig, `snapshot-${pool}`, volumeId)).snapshotId, fromSnapshot);
      const restored = await create(rig, `restored-${pool}`, { pool, sizeBytes: SIZE, on: [NODE], fromSnapshot });
      const target = await user.publish(restored.volumeId);
      assert.equal(readFileSync(join(target, 'file'), 'utf8'), `first ${pool}\n`);
      await user.unpublish(restored.volumeId);
      await remove(rig, restored.volumeId);
    }
  });

  test('is deleted without a trace', async () => {
    for (const snapshotId of Object.values(SNAPSHOTS)) await rig.csi.call('DeleteSnapshot', { snapshotId });
    for (const volumeId of [VFS, LOOP, LOCAL]) await remove(rig, volumeId);
    assert.deepEqual(await listVolumes(rig.csi), []);
    assert.deepEqual(await listSnapshots(rig.csi), []);
  });
});

/** The pools go to the node's disk, the state to its root; the config names the third pool too. */
function unpack(rig: ClusterRig, node: RigNode): void {
  const extract = (into: string, ...folders: readonly string[]): void => {
    execFileSync('tar', ['--extract', '--gzip', '--same-permissions', '--file', FIXTURE, '--directory', into, ...folders]);
  };
  for (const pool of ['vfs', 'loop']) rmSync(join(node.fs.path, pool), { recursive: true });
  extract(node.fs.path, 'vfs', 'loop', 'local');
  extract(node.directory, 'root');
  const local = { name: 'local', driver: 'local', options: { 'local.path': join(node.fs.path, 'local') } };
  for (const daemon of [node, rig.controller])
    daemon.configure((config) => ({ ...config, pools: [...(config['pools'] as readonly object[]), local] }));
}
