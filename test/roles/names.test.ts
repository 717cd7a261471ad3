import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ClusterRig } from '../support/cluster-rig.ts';
import { callUntilDone } from '../support/csi.ts';
import { listSnapshots } from '../support/volumes.ts';
import { create, failsWith, nodeOf, placedRequest, remove, SIZE, snapshot } from './requests.ts';

/** A name stands for one object in the whole cluster, although each node knows its own alone. */
void suite('a name', () => {
  let rig: ClusterRig;
  before(async () => {
    rig = await ClusterRig.start({ nodes: ['alpha', 'beta'] });
  });
  after(async () => await rig.end());

  test('of a volume on one node is taken for the other, and free once it is deleted', async () => {
    const { volumeId } = await create(rig, 'taken', { on: ['alpha'] });
    const larger = placedRequest('taken', { on: ['beta', 'alpha'], sizeBytes: 2n * SIZE, exact: true });
    await failsWith(rig.csi.call('CreateVolume', larger), 'ALREADY_EXISTS', 'node alpha');
    await remove(rig, volumeId);
    const moved = await create(rig, 'taken', { on: ['beta', 'alpha'] });
    assert.equal(nodeOf(moved), 'beta');
    await remove(rig, moved.volumeId);
  });

  test('of a snapshot of one volume is taken for a volume on another node, and free once it is deleted', async () => {
    const onAlpha = await create(rig, 'on alpha', { on: ['alpha'] });
    const onBeta = await create(rig, 'on beta', { on: ['beta'] });
    const { snapshotId } = await snapshot(rig, 'cut', onAlpha.volumeId);
    await failsWith(rig.csi.call('CreateSnapshot', { name: 'cut', sourceVolumeId: onBeta.volumeId }), 'ALREADY_EXISTS');
    assert.deepEqual(
      (await listSnapshots(rig.csi)).map((each) => each.snapshotId),
      [snapshotId],
    );
    await callUntilDone(rig.csi, 'DeleteSnapshot', { snapshotId });
    const next = await snapshot(rig, 'cut', onBeta.volumeId);
    assert.equal(next.sourceVolumeId, onBeta.volumeId);
  });
});
