import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operations } from '../../../src/convoy/contract.ts';
import { DRIVER, type EdgeParts, NODE, openEdge } from './edge.ts';

test('the plugin tells its name and version', async () => {
  await using edge = await openEdge();
  assert.deepEqual(await edge.client.call('GetPluginInfo', {}), { name: DRIVER, vendorVersion: '1.2.3', manifest: {} });
});

for (const ready of [true, false]) {
  test(`Probe answers ready: ${ready} without asking any pool`, async () => {
    await using edge = await openEdge({ ready });
    assert.deepEqual((await edge.client.call('Probe', {})).ready, { value: ready });
  });
}

test('what all groups together advertise', async () => {
  assert.deepEqual(await announced({}), {
    plugin: ['CONTROLLER_SERVICE', 'VOLUME_ACCESSIBILITY_CONSTRAINTS', 'SNAPSHOT_ACCESSIBILITY_CONSTRAINTS', 'ONLINE'],
    controller: [
      'CREATE_DELETE_VOLUME',
      'LIST_VOLUMES',
      'GET_VOLUME',
      'SINGLE_NODE_MULTI_WRITER',
      'CREATE_DELETE_SNAPSHOT',
      'LIST_SNAPSHOTS',
      'GET_SNAPSHOT',
      'CLONE_VOLUME',
      'EXPAND_VOLUME',
      'GET_CAPACITY',
      'GET_VOLUME_HEALTH',
      'LIST_VOLUME_HEALTH',
    ],
    node: [
      'STAGE_UNSTAGE_VOLUME',
      'GET_VOLUME_STATS',
      'SINGLE_NODE_MULTI_WRITER',
      'EXPAND_VOLUME',
      'GET_VOLUME_HEALTH',
      'GET_STORAGE_HEALTH',
    ],
  });
});

test('a driver with volumes only advertises no more, and pools that are reachable from everywhere bring no topology', async () => {
  const implemented = new Set<keyof Operations>(['volume', 'access', 'storage', 'records']);
  assert.deepEqual(await announced({ pools: { implemented, hasTopology: false } }), {
    plugin: ['CONTROLLER_SERVICE'],
    controller: ['CREATE_DELETE_VOLUME', 'LIST_VOLUMES', 'GET_VOLUME', 'SINGLE_NODE_MULTI_WRITER'],
    node: ['STAGE_UNSTAGE_VOLUME', 'GET_VOLUME_STATS', 'SINGLE_NODE_MULTI_WRITER'],
  });
});

test('snapshots that cannot be restored are not advertised', async () => {
  const implemented = new Set<keyof Operations>(['volume', 'access', 'storage', 'records', 'snapshot']);
  const { controller } = await announced({ pools: { implemented } });
  assert.ok(!controller.some((capability) => capability?.includes('SNAPSHOT')));
});

test('NodeGetInfo tells the node and its topology', async () => {
  await using edge = await openEdge();
  assert.deepEqual(await edge.client.call('NodeGetInfo', {}), {
    nodeId: NODE,
    maxVolumesPerNode: '0',
    accessibleTopology: { segments: { [`${DRIVER}/node`]: NODE } },
  });
});

test('NodeGetInfo tells what else the node is in', async () => {
  await using edge = await openEdge({ topology: { 'topology.kubernetes.io/zone': 'a', rack: '7' } });
  const { accessibleTopology } = await edge.client.call('NodeGetInfo', {});
  assert.deepEqual(accessibleTopology, { segments: { [`${DRIVER}/node`]: NODE, 'topology.kubernetes.io/zone': 'a', rack: '7' } });
});

test('NodeGetInfo has no topology where all is reachable from everywhere', async () => {
  await using edge = await openEdge({ pools: { hasTopology: false }, topology: { rack: '7' } });
  assert.equal((await edge.client.call('NodeGetInfo', {})).accessibleTopology, null);
});

test('a node of a cluster tells its topology whatever its own pools are: those of other nodes may have one', async () => {
  await using edge = await openEdge({ pools: { hasTopology: false }, topology: { rack: '7' }, withController: false });
  const { accessibleTopology } = await edge.client.call('NodeGetInfo', {});
  assert.deepEqual(accessibleTopology?.segments, { [`${DRIVER}/node`]: NODE, rack: '7' });
  const { capabilities } = await edge.client.call('GetPluginCapabilities', {});
  assert.ok(capabilities.some(({ service }) => service?.type === 'VOLUME_ACCESSIBILITY_CONSTRAINTS'));
});

async function announced(parts: EdgeParts): Promise<Record<'plugin' | 'controller' | 'node', (string | undefined)[]>> {
  await using edge = await openEdge(parts);
  const [plugin, controller, node] = await Promise.all([
    edge.client.call('GetPluginCapabilities', {}),
    edge.client.call('ControllerGetCapabilities', {}),
    edge.client.call('NodeGetCapabilities', {}),
  ]);
  return {
    plugin: plugin.capabilities.map(({ service, volumeExpansion }) => service?.type ?? volumeExpansion?.type),
    controller: controller.capabilities.map(({ rpc }) => rpc?.type),
    node: node.capabilities.map(({ rpc }) => rpc?.type),
  };
}
