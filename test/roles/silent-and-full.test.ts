import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ClusterRig } from '../support/cluster-rig.ts';
import { callUntilDone, isCode, mountCapability } from '../support/csi.ts';
import { type CsiVolume, listVolumes } from '../support/volumes.ts';
import { create, failsWith, nodeOf, placedRequest, remove, SIZE, snapshot, termOf } from './requests.ts';

const WAIT_MS = 20_000;

void suite('a node whose agent is down', () => {
  let rig: ClusterRig;
  let onAlpha: CsiVolume;
  let snapshotId: string;
  before(async () => {
    rig = await ClusterRig.start({ nodes: ['alpha', 'beta'] });
    onAlpha = await create(rig, 'on alpha', { on: ['alpha', 'beta'] });
    ({ snapshotId } = await snapshot(rig, 'of alpha', onAlpha.volumeId));
    assert.equal(nodeOf(onAlpha), 'alpha');
    await create(rig, 'on beta', { on: ['beta', 'alpha'] });
    await rig.node('alpha').kill();
  });
  after(async () => await rig.end());

  test('makes every call on what it has UNAVAILABLE, with its name', async () => {
    const { csi } = rig;
    const { volumeId } = onAlpha;
    const volumeCapabilities = [mountCapability()];
    const calls = {
      get: csi.call('ControllerGetVolume', { volumeId }),
      delete: csi.call('DeleteVolume', { volumeId }),
      deleteSnapshot: csi.call('DeleteSnapshot', { snapshotId }),
      getSnapshot: csi.call('GetSnapshot', { snapshotId }),
      snapshot: csi.call('CreateSnapshot', { name: 'another', sourceVolumeId: volumeId }),
      expand: csi.call('ControllerExpandVolume', { volumeId, capacityRange: { requiredBytes: String(2n * SIZE) } }),
      validate: csi.call('ValidateVolumeCapabilities', { volumeId, volumeCapabilities }),
      restore: csi.call('CreateVolume', placedRequest('restored', { on: ['beta', 'alpha'], fromSnapshot: snapshotId })),
      clone: csi.call('CreateVolume', placedRequest('cloned', { on: ['beta', 'alpha'], fromVolume: volumeId })),
      again: csi.call('CreateVolume', placedRequest('on alpha', { on: ['alpha', 'beta'] })),
    };
    for (const call of Object.values(calls)) await failsWith(call, 'UNAVAILABLE', 'node alpha', 'convoy node forget alpha');
  });

  test('makes lists UNAVAILABLE, with its name: never a shorter one that looks whole', async () => {
    await failsWith(rig.csi.call('ListVolumes', {}), 'UNAVAILABLE', 'node alpha');
    await failsWith(rig.csi.call('ListSnapshots', {}), 'UNAVAILABLE', 'node alpha');
    await failsWith(rig.csi.call('ListSnapshots', { sourceVolumeId: onAlpha.volumeId }), 'UNAVAILABLE', 'node alpha');
  });

  test('has no capacity that could be told, and the other one has', async () => {
    await failsWith(rig.csi.call('GetCapacity', { accessibleTopology: termOf('alpha') }), 'UNAVAILABLE', 'node alpha');
    await failsWith(rig.csi.call('GetCapacity', {}), 'UNAVAILABLE', 'node alpha');
    const { availableCapacity } = await rig.csi.call('GetCapacity', { accessibleTopology: termOf('beta') });
    assert.ok(BigInt(availableCapacity) > SIZE, availableCapacity);
  });

  test('is waited for by what prefers it; what does not goes on', async () => {
    const before = rig.node('beta').left();
    await failsWith(rig.csi.call('CreateVolume', placedRequest('waits', { on: ['alpha', 'beta'] })), 'UNAVAILABLE', 'node alpha');
    assert.deepEqual(rig.node('beta').left(), before, 'nothing was made elsewhere');
    assert.equal(nodeOf(await create(rig, 'does not wait', { on: ['beta', 'alpha'] })), 'beta');
    assert.ok(
      !rig
        .node('beta')
        .left()
        .some((line) => line.includes('waits')),
      'nothing was made elsewhere',
    );
  });

  test('is seen by the admin, and does not take the controller down', async () => {
    const nodes = await rig.controller.json<{ name: string; state: string; reason: string | null }[]>('node', 'list');
    assert.deepEqual(
      nodes.map(({ name, state }) => [name, state]),
      [
        ['alpha', 'unreachable'],
        ['beta', 'connected'],
      ],
    );
    assert.match(String(nodes[0]?.reason), /ECONNREFUSED/);
    assert.deepEqual(await rig.controller.get('/readyz'), { status: 200, text: 'ok\n' });
    assert.match((await rig.controller.get('/metrics')).text, /^convoy_agents\{state="unreachable"\} 1$/m);
  });

  test('is used again when it is back, without a restart of the controller', async () => {
    const { pid } = rig.controller;
    await rig.node('alpha').start();
    const patient = { alsoUnavailable: true, timeoutMs: WAIT_MS };
    const { volume } = await callUntilDone(rig.csi, 'CreateVolume', placedRequest('waits', { on: ['alpha', 'beta'] }), patient);
    assert.equal(volume === null ? undefined : nodeOf(volume), 'alpha');
    assert.equal((await listVolumes(rig.csi)).length, 4);
    assert.equal(rig.controller.pid, pid);
  });
});

void suite('a node that hangs', () => {
  let rig: ClusterRig;
  before(async () => {
    rig = await ClusterRig.start({ nodes: ['alpha', 'beta'] });
  });
  after(async () => await rig.end());

  test('is UNAVAILABLE or ABORTED before the caller gives up, and the other one is not held up', async () => {
    const { volumeId } = await create(rig, 'on alpha', { on: ['alpha'] });
    rig.node('alpha').freeze();
    try {
      const call = rig.csi.call('ControllerGetVolume', { volumeId }, { deadlineMs: 3000 });
      const beside = create(rig, 'on beta', { on: ['beta', 'alpha'] });
      await assert.rejects(call, (error) => isCode(error, 'UNAVAILABLE', 'ABORTED') && error.message.includes('node alpha'));
      assert.equal(nodeOf(await beside), 'beta');
    } finally {
      rig.node('alpha').thaw();
    }
    await callUntilDone(rig.csi, 'ControllerGetVolume', { volumeId }, { alsoUnavailable: true, timeoutMs: WAIT_MS });
  });
});

void suite('full nodes', () => {
  const MIB = 1n << 20n;
  let rig: ClusterRig;
  const made = new Map<string, string[]>([
    ['alpha', []],
    ['beta', []],
  ]);
  before(async () => {
    rig = await ClusterRig.start({ nodes: ['alpha', 'beta'], fsBytes: { alpha: 256n * MIB, beta: 384n * MIB } });
  });
  after(async () => await rig.end());

  test('are passed over for the next in the order of the requirement', async () => {
    for (let index = 0; ; index += 1) {
      try {
        const volume = await create(rig, `filling ${index}`, { on: ['alpha', 'beta'], sizeBytes: 64n * MIB });
        made.get(String(nodeOf(volume)))?.push(volume.volumeId);
        if (made.get('beta')?.length === 1) await failsWith(onlyOn('alpha'), 'RESOURCE_EXHAUSTED', 'node alpha');
        else if (nodeOf(volume) === 'alpha') assert.equal(made.get('beta')?.length, 0, 'alpha is left only when it is full');
      } catch (error) {
        if (!isCode(error, 'RESOURCE_EXHAUSTED')) throw error;
        assert.match(error.message, /node alpha: .*node beta: /s, 'both are named');
        break;
      }
    }
    assert.ok((made.get('alpha')?.length ?? 0) >= 2, 'alpha had room for some');
    assert.ok((made.get('beta')?.length ?? 0) > (made.get('alpha')?.length ?? 0), 'beta has more room');
  });

  test('say so in their capacity', async () => {
    for (const node of ['alpha', 'beta']) {
      const { availableCapacity } = await rig.csi.call('GetCapacity', { accessibleTopology: termOf(node) });
      assert.ok(BigInt(availableCapacity) < 64n * MIB, `${node}: ${availableCapacity}`);
    }
  });

  test('leave nothing behind of what they had no room for', async () => {
    const listed = (await listVolumes(rig.csi)).map(({ volumeId }) => volumeId);
    assert.deepEqual(listed.sort(), [...made.values()].flat().sort());
  });

  test('are used again when something was deleted there', async () => {
    const [going = ''] = made.get('alpha') ?? [];
    await remove(rig, going);
    const volume = await create(rig, 'after all', { on: ['alpha', 'beta'], sizeBytes: 64n * MIB });
    assert.equal(nodeOf(volume), 'alpha');
  });

  const onlyOn = (node: string): Promise<unknown> =>
    rig.csi.call('CreateVolume', placedRequest(`only ${node}`, { on: [node], sizeBytes: 64n * MIB }));
});
