import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ClusterRig, SHARED, until } from '../support/cluster-rig.ts';
import { callUntilDone } from '../support/csi.ts';
import { mountsBelow, releaseBelow } from '../support/scratch-fs.ts';
import { hashTree } from '../support/tree-hash.ts';
import { type CsiVolume, listSnapshots, listVolumes } from '../support/volumes.ts';
import { create, failsWith, nodeOf, placedRequest, remove, SIZE, snapshot, termOf } from './requests.ts';

/** Exit status of docs/cli.md. */
const IN_USE = 8;
const NODES = ['alpha', 'beta'] as const;

void suite('a global pool', () => {
  let rig: ClusterRig;
  before(async () => {
    rig = await ClusterRig.start({ nodes: NODES, fs: 'xfs', shared: {} });
  });
  after(async () => await rig.end());

  const shared = (name: string, more: object = {}): Promise<CsiVolume> =>
    create(rig, name, { pool: SHARED, on: ['beta', 'alpha'], ...more });
  /** What is in the pool of volumes, holds and trash. */
  const left = (): readonly string[] =>
    ['volumes', 'snapshots', 'trash', 'holders'].flatMap((folder) => {
      try {
        return readdirSync(join(rig.sharedPath, folder)).map((entry) => `${folder}/${entry}`);
      } catch {
        return [];
      }
    });
  const untilEmpty = (): Promise<unknown> => until('an empty pool', async () => (left().length === 0 ? true : undefined));

  test('is on no node, and used by two at once', async () => {
    const volume = await shared('on both');
    assert.match(volume.volumeId, /^shared\.global\.v[0-9a-f]{32}$/);
    assert.deepEqual(volume.accessibleTopology, []);
    const many = { mode: 'MULTI_NODE_MULTI_WRITER' } as const;
    const [onAlpha, onBeta] = [
      await rig.user('alpha').publish(volume.volumeId, many),
      await rig.user('beta').publish(volume.volumeId, many),
    ];
    writeFileSync(join(onAlpha, 'said'), 'by alpha');
    assert.equal(readFileSync(join(onBeta, 'said'), 'utf8'), 'by alpha');
    await failsWith(rig.csi.call('DeleteVolume', { volumeId: volume.volumeId }), 'FAILED_PRECONDITION', 'node alpha', 'node beta');
    await rig.user('alpha').unpublish(volume.volumeId);
    const message = await failsWith(rig.csi.call('DeleteVolume', { volumeId: volume.volumeId }), 'FAILED_PRECONDITION', 'node beta');
    assert.doesNotMatch(message, /alpha/);
    assert.equal(readFileSync(join(onBeta, 'said'), 'utf8'), 'by alpha');
    const inspected = await rig.controller.json<{ readonly uses: readonly { readonly path: string }[] }>(
      'volumes',
      'inspect',
      volume.volumeId,
    );
    assert.deepEqual(
      inspected.uses.map(({ path }) => path),
      ['node beta'],
    );
    await rig.user('beta').unpublish(volume.volumeId);
    await remove(rig, volume.volumeId);
    await untilEmpty();
  });

  test('snapshots, restores, clones and grows at the controller', async () => {
    const volume = await shared('source');
    const target = await rig.user('alpha').publish(volume.volumeId);
    writeFileSync(join(target, 'data'), 'x'.repeat(100_000));
    const cut = await snapshot(rig, 'cut', volume.volumeId);
    assert.match(cut.snapshotId, /^shared\.global\.s/);
    assert.deepEqual(cut.accessibleTopology, []);
    writeFileSync(join(target, 'data'), 'later');
    const restored = await shared('restored', { fromSnapshot: cut.snapshotId });
    const cloned = await shared('cloned', { fromVolume: volume.volumeId });
    const onBeta = await rig.user('beta').publish(restored.volumeId);
    assert.equal(readFileSync(join(onBeta, 'data'), 'utf8').length, 100_000);
    assert.equal(hashTree(await rig.user('beta').publish(cloned.volumeId)), hashTree(target));
    const grown = await rig.csi.call('ControllerExpandVolume', {
      volumeId: volume.volumeId,
      capacityRange: { requiredBytes: String(SIZE * 2n), limitBytes: '0' },
    });
    assert.deepEqual([grown.capacityBytes, grown.nodeExpansionRequired], [String(SIZE * 2n), false]);
    assert.deepEqual(
      (await listSnapshots(rig.csi)).map(({ snapshotId }) => snapshotId),
      [cut.snapshotId],
    );
    await rig.user('alpha').unpublish(volume.volumeId);
    for (const { volumeId } of [restored, cloned]) await rig.user('beta').unpublish(volumeId);
    for (const { volumeId } of [volume, restored, cloned]) await remove(rig, volumeId);
    await callUntilDone(rig.csi, 'DeleteSnapshot', { snapshotId: cut.snapshotId });
    await untilEmpty();
  });

  test('stands beside the local ones in every list, and has the same room from everywhere', async () => {
    const here = await create(rig, 'local', { on: ['alpha'] });
    const there = await shared('global');
    assert.deepEqual((await listVolumes(rig.csi)).map(({ volumeId }) => volumeId).sort(), [here.volumeId, there.volumeId].sort());
    const room = async (node: string | undefined): Promise<string> =>
      (
        await rig.csi.call('GetCapacity', {
          parameters: { pool: SHARED },
          ...(node === undefined ? {} : { accessibleTopology: termOf(node) }),
        })
      ).availableCapacity;
    const everywhere = await room(undefined);
    assert.ok(BigInt(everywhere) > SIZE);
    for (const node of [...NODES, 'of no agent']) assert.equal(await room(node), everywhere);
    assert.equal(nodeOf(here), 'alpha');
    for (const { volumeId } of [here, there]) await remove(rig, volumeId);
    await untilEmpty();
  });

  test('gives no copies to local pools, and takes none', async () => {
    const here = await create(rig, 'local source', { on: ['alpha'] });
    const there = await shared('global source');
    await failsWith(
      rig.csi.call('CreateVolume', placedRequest('out', { pool: 'vfs', on: ['alpha'], fromVolume: there.volumeId })),
      'INVALID_ARGUMENT',
      'shared',
      'vfs',
    );
    await failsWith(
      rig.csi.call('CreateVolume', placedRequest('in', { pool: SHARED, on: ['alpha'], fromVolume: here.volumeId })),
      'INVALID_ARGUMENT',
      'shared',
      'vfs',
    );
    for (const { volumeId } of [here, there]) await remove(rig, volumeId);
    await untilEmpty();
  });

  test('is only published by a node', async () => {
    const refused = await rig.node('alpha').convoy('volumes', 'create', 'by a node', '--pool', SHARED);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /pool shared is global, and this node only publishes from it: ask the controller/);
    const again = await rig.node('alpha').convoy('pools', 'init', SHARED);
    assert.match(again.stderr, /ask the controller/);
    const absent = await rig.node('alpha').convoy('snapshots', 'inspect', 'of no pool');
    assert.match(absent.stderr, /snapshot "of no pool" does not exist/);
    const made = await rig.controller.convoy('volumes', 'create', 'by an admin', '--pool', SHARED, '--size', '16Mi');
    assert.equal(made.code, 0, made.stderr);
    const mounted = await rig.controller.convoy('volumes', 'mount', 'by an admin');
    assert.match(mounted.stderr, /the controller mounts no volume/);
    const { path } = await rig.node('alpha').json<{ readonly path: string }>('volumes', 'mount', 'by an admin');
    writeFileSync(join(path, 'note'), 'by an admin');
    const inUse = await rig.controller.convoy('volumes', 'delete', 'by an admin');
    assert.equal(inUse.code, IN_USE, inUse.stderr);
    assert.match(inUse.stderr, /staged on node alpha/);
    await rig.node('alpha').json('volumes', 'inspect', 'by an admin');
    assert.equal((await rig.node('alpha').convoy('volumes', 'umount', 'by an admin')).code, 0);
    assert.deepEqual(await rig.node('alpha').json('volumes', 'list'), []);
    assert.equal((await rig.controller.convoy('volumes', 'delete', 'by an admin')).code, 0);
    await untilEmpty();
  });

  test('of which a consumer wants one node alone is on one', async () => {
    const { volumeId } = await shared('for one');
    const target = await rig.user('alpha').publish(volumeId);
    writeFileSync(join(target, 'data'), 'by alpha');
    await failsWith(rig.user('beta').publish(volumeId), 'FAILED_PRECONDITION', 'node alpha', 'ReadWriteMany');
    // What an admin looks at there is no consumer that was there before.
    await rig.node('beta').json('volumes', 'mount', volumeId);
    await failsWith(rig.user('beta').publish(volumeId), 'FAILED_PRECONDITION', 'node alpha', 'ReadWriteMany');
    assert.equal((await rig.node('beta').convoy('volumes', 'umount', volumeId)).code, 0);
    assert.equal(await rig.user('alpha').publish(volumeId, { tag: 'second' }), rig.user('alpha').targetPath(volumeId, 'second'));
    await rig.user('alpha').unpublish(volumeId, { tag: 'second', unstage: false });
    await rig.user('alpha').unpublish(volumeId);
    assert.equal(readFileSync(join(await rig.user('beta').publish(volumeId), 'data'), 'utf8'), 'by alpha');
    // A note that beta has by now does not bind alpha for ever.
    await failsWith(rig.user('alpha').publish(volumeId), 'FAILED_PRECONDITION', 'node beta');
    await rig.user('beta').unpublish(volumeId);
    await remove(rig, volumeId);
    await untilEmpty();
  });

  test('a node that was killed still holds its volume, until it is declared gone', async () => {
    const volume = await shared('held');
    const target = await rig.user('beta').publish(volume.volumeId);
    writeFileSync(join(target, 'data'), 'still here');
    await rig.node('beta').kill();
    await failsWith(rig.csi.call('DeleteVolume', { volumeId: volume.volumeId }), 'FAILED_PRECONDITION', 'convoy node forget beta');
    assert.equal(readFileSync(join(target, 'data'), 'utf8'), 'still here');
    // Its machine is off: nothing of it is mounted any more.
    releaseBelow(rig.node('beta').useDirectory);
    assert.deepEqual(mountsBelow(rig.node('beta').useDirectory), []);
    await failsWith(rig.user('alpha').publish(volume.volumeId), 'FAILED_PRECONDITION', 'convoy node forget beta');
    await rig.controller.json('node', 'forget', 'beta');
    assert.equal(readFileSync(join(await rig.user('alpha').publish(volume.volumeId), 'data'), 'utf8'), 'still here');
    await rig.user('alpha').unpublish(volume.volumeId);
    await remove(rig, volume.volumeId);
    await rig.node('beta').start();
    await rig.controller.json('node', 'readmit', 'beta');
    await rig.node('beta').untilReady();
    await untilEmpty();
  });

  test('a node that was declared gone and went on notes what it uses when it is readmitted', async () => {
    const volume = await shared('used all the time');
    const target = await rig.user('beta').publish(volume.volumeId);
    await rig.node('beta').kill(); // its pods go on
    await rig.controller.json('node', 'forget', 'beta');
    assert.equal(
      left().some((entry) => entry.startsWith('holders/') && readdirSync(join(rig.sharedPath, entry)).length > 0),
      false,
    );
    await rig.node('beta').start();
    await rig.controller.json('node', 'readmit', 'beta');
    await rig.node('beta').untilReady();
    await until('a note of beta', async () => (left().some((entry) => entry.startsWith('holders/')) ? true : undefined));
    await failsWith(rig.csi.call('DeleteVolume', { volumeId: volume.volumeId }), 'FAILED_PRECONDITION', 'node beta');
    writeFileSync(join(target, 'data'), 'still here');
    await rig.user('beta').unpublish(volume.volumeId);
    await remove(rig, volume.volumeId);
    await untilEmpty();
  });

  test('a node that lost its mounts and its records lets go when it starts', async () => {
    const volume = await shared('held by nobody');
    await rig.user('beta').publish(volume.volumeId);
    await rig.node('beta').kill();
    releaseBelow(rig.node('beta').useDirectory);
    await rig.node('beta').start();
    await until('a volume that nobody holds', async () => {
      try {
        await remove(rig, volume.volumeId);
        return true;
      } catch {
        return undefined;
      }
    });
    await untilEmpty();
  });

  test('a controller that is killed in the middle of calls leaves nothing half', async () => {
    const source = await shared('many files');
    const target = await rig.user('alpha').publish(source.volumeId);
    for (let file = 0; file < 300; file += 1) writeFileSync(join(target, `file-${file}`), String(file).repeat(2000));
    await rig.user('alpha').unpublish(source.volumeId);
    const names = Array.from({ length: 12 }, (_, index) => `copy ${index}`);
    const request = (name: string) => placedRequest(name, { pool: SHARED, on: ['alpha'], fromVolume: source.volumeId });
    const first = names.map((name) => rig.csi.call('CreateVolume', request(name)).catch(() => undefined));
    await until('a first copy under way', async () => (left().length > 2 ? true : undefined));
    await rig.controller.kill();
    await Promise.all(first);
    await rig.controller.start();
    await rig.untilWhole();
    const copies = await Promise.all(names.map(async (name) => (await callUntilDone(rig.csi, 'CreateVolume', request(name))).volume));
    const expected = hashTree(await rig.user('alpha').publish(source.volumeId));
    for (const copy of copies) {
      const volumeId = copy?.volumeId ?? '';
      assert.equal(hashTree(await rig.user('beta').publish(volumeId)), expected);
      await rig.user('beta').unpublish(volumeId);
      await remove(rig, volumeId);
    }
    await rig.user('alpha').unpublish(source.volumeId);
    await remove(rig, source.volumeId);
    await untilEmpty();
  });
});

void suite('a global pool that nobody has made', () => {
  let rig: ClusterRig;
  before(() => {
    rig = new ClusterRig({ nodes: ['alpha'], shared: {} });
  });
  after(async () => await rig.end());

  test('is made by no process, and by one word of an admin', async () => {
    await rig.controller.start();
    await rig.node('alpha').start();
    const request = placedRequest('early', { pool: SHARED, on: ['alpha'] });
    const unready = async (name: 'controller' | 'alpha', words: RegExp): Promise<void> => {
      const process = name === 'alpha' ? rig.node(name) : rig.controller;
      await until(`an unready ${name} that says why`, async () => {
        const { status, text } = await process.get('/readyz');
        return status === 503 && words.test(text) ? true : undefined;
      });
    };
    await unready('controller', /pool "shared" is unavailable: .*convoy pools init shared/);
    await unready('alpha', /pool "shared" is unavailable: .*convoy pools init shared/);
    await failsWith(rig.csi.call('CreateVolume', request), 'UNAVAILABLE', 'convoy pools init shared');
    assert.deepEqual(readdirSync(rig.sharedPath), []);
    await rig.initShared();
    const volume = (await callUntilDone(rig.csi, 'CreateVolume', request)).volume;
    await until('a published volume', async () => {
      try {
        return await rig.user('alpha').publish(volume?.volumeId ?? '');
      } catch {
        return undefined; // its pool is tried again every two seconds
      }
    });
    await rig.user('alpha').unpublish(volume?.volumeId ?? '');
    for (const process of [rig.controller, rig.node('alpha')]) assert.equal((await process.get('/readyz')).status, 200);
  });

  test('is refused with init auto at a controller', async () => {
    await rig.controller.stop();
    rig.controller.configure((config) => ({
      ...config,
      pools: (config['pools'] as object[]).map((pool) => ({ ...pool, init: 'auto' })),
    }));
    await assert.rejects(rig.controller.start(), /pool \\?"shared\\?" is global and has init auto.*convoy pools init shared/s);
  });
});

void suite('a zonal pool', () => {
  const ZONE = 'topology.kubernetes.io/zone';
  let rig: ClusterRig;
  before(async () => {
    rig = new ClusterRig({ nodes: NODES, shared: { segments: { [ZONE]: 'a' } } });
    for (const [index, name] of NODES.entries())
      rig.node(name).configure((config) => ({ ...config, topology: { [ZONE]: ['a', 'b'][index] } }));
    await Promise.all([rig.controller.start(), ...NODES.map((name) => rig.node(name).start())]);
    await rig.initShared();
    await rig.untilWhole();
  });
  after(async () => await rig.end());

  const within = (...nodes: readonly (readonly [string, string])[]) => {
    const terms = nodes.map(([node, zone]) => ({ segments: { ...termOf(node).segments, [ZONE]: zone } }));
    return { requisite: terms, preferred: terms };
  };

  test('carries its own keys, which its nodes report', async () => {
    const { accessibleTopology } = await rig.node('beta').csi.call('NodeGetInfo', {});
    assert.deepEqual(accessibleTopology?.segments, { ...termOf('beta').segments, [ZONE]: 'b' });
    const request = placedRequest('in a', { pool: SHARED });
    const { volume } = await callUntilDone(rig.csi, 'CreateVolume', {
      ...request,
      accessibilityRequirements: within(['beta', 'b'], ['alpha', 'a']),
    });
    assert.deepEqual(volume?.accessibleTopology, [{ segments: { [ZONE]: 'a' } }]);
    const cut = await snapshot(rig, 'cut in a', volume?.volumeId ?? '');
    assert.deepEqual(cut.accessibleTopology, [{ segments: { [ZONE]: 'a' } }]);
  });

  test('is not where its keys say otherwise', async () => {
    const request = { ...placedRequest('in b', { pool: SHARED }), accessibilityRequirements: within(['beta', 'b']) };
    await failsWith(rig.csi.call('CreateVolume', request), 'RESOURCE_EXHAUSTED', `${ZONE}=a`, `${ZONE}=b`);
    const room = async (zone: string): Promise<string> =>
      (await rig.csi.call('GetCapacity', { parameters: { pool: SHARED }, accessibleTopology: { segments: { [ZONE]: zone } } }))
        .availableCapacity;
    assert.equal(await room('b'), '0');
    assert.notEqual(await room('a'), '0');
  });

  test('a local pool has no segments', async () => {
    await rig.node('alpha').stop();
    rig.node('alpha').configure((config) => ({
      ...config,
      pools: (config['pools'] as object[]).map((pool, index) => (index === 0 ? { ...pool, segments: { [ZONE]: 'a' } } : pool)),
    }));
    await assert.rejects(rig.node('alpha').start(), /pool \\?"vfs\\?".*segments.*local/s);
  });
});
