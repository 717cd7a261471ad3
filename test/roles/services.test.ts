import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ClusterRig, DRIVER_NAME } from '../support/cluster-rig.ts';
import { type Csi, mountCapability } from '../support/csi.ts';
import { create, failsWith, placedRequest, remove } from './requests.ts';

/** What each role serves on its socket, and what it does not. */
void suite('the sockets of the roles', () => {
  let rig: ClusterRig;
  let node: Csi;
  before(async () => {
    rig = await ClusterRig.start({ nodes: ['alpha'] });
    node = rig.node('alpha').csi;
  });
  after(async () => await rig.end());

  test("a node's serves no Controller call: the kubelet asks for none, and nobody else may", async () => {
    const volumeId = 'vfs.0123456789abcdef.v0123456789abcdef0123456789abcdef';
    await failsWith(node.call('CreateVolume', placedRequest('around the controller')), 'UNIMPLEMENTED');
    await failsWith(node.call('DeleteVolume', { volumeId }), 'UNIMPLEMENTED');
    await failsWith(node.call('ListVolumes', {}), 'UNIMPLEMENTED');
    await failsWith(node.call('GetCapacity', {}), 'UNIMPLEMENTED');
    await failsWith(node.call('ControllerGetCapabilities', {}), 'UNIMPLEMENTED');
  });

  test("the controller's serves no Node call", async () => {
    const { volumeId } = await create(rig, 'to publish');
    const target = { volumeId, stagingTargetPath: '/nowhere/staging', targetPath: '/nowhere/target' };
    await failsWith(rig.csi.call('NodeGetInfo', {}), 'UNIMPLEMENTED');
    await failsWith(rig.csi.call('NodeGetCapabilities', {}), 'UNIMPLEMENTED');
    await failsWith(rig.csi.call('NodeStageVolume', { ...target, volumeCapability: mountCapability() }), 'UNIMPLEMENTED');
    await failsWith(rig.csi.call('NodePublishVolume', { ...target, volumeCapability: mountCapability() }), 'UNIMPLEMENTED');
    await failsWith(rig.csi.call('NodeUnpublishVolume', target), 'UNIMPLEMENTED');
    await remove(rig, volumeId);
  });

  test('neither attaches, modifies or takes groups', async () => {
    await failsWith(rig.csi.call('ControllerPublishVolume', { volumeId: 'x', nodeId: 'alpha' }), 'UNIMPLEMENTED');
    await failsWith(rig.csi.call('ControllerUnpublishVolume', { volumeId: 'x', nodeId: 'alpha' }), 'UNIMPLEMENTED');
    await failsWith(rig.csi.call('ControllerModifyVolume', { volumeId: 'x' }), 'UNIMPLEMENTED');
  });

  test('both are one driver: name, version and capabilities are the same', async () => {
    const [one, other] = await Promise.all([rig.csi.call('GetPluginInfo', {}), node.call('GetPluginInfo', {})]);
    assert.deepEqual(one, other);
    assert.equal(one.name, DRIVER_NAME);
    const capabilities = await Promise.all([rig.csi, node].map((csi) => csi.call('GetPluginCapabilities', {})));
    assert.deepEqual(capabilities[0], capabilities[1]);
    const services = capabilities[0]?.capabilities.map(({ service }) => service?.type);
    assert.deepEqual(services?.filter((type) => type !== undefined).sort(), [
      'CONTROLLER_SERVICE',
      'SNAPSHOT_ACCESSIBILITY_CONSTRAINTS',
      'VOLUME_ACCESSIBILITY_CONSTRAINTS',
    ]);
    for (const csi of [rig.csi, node]) assert.notEqual((await csi.call('Probe', {})).ready?.value, false);
  });

  test('the verbs of an admin are where they can be answered', async () => {
    const onController = await rig.controller.convoy('volumes', 'list');
    assert.notEqual(onController.code, 0, 'volumes are on the nodes');
    assert.match(onController.stderr, /node/);
    const onNode = await rig.node('alpha').convoy('node', 'list');
    assert.notEqual(onNode.code, 0, 'a node knows of no other');
    assert.match(onNode.stderr, /controller/);
  });
});
