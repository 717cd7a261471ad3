import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { localId } from '../../src/convoy/ids.ts';
import { ClusterRig, type RigNode, until } from '../support/cluster-rig.ts';
import { hashTree } from '../support/tree-hash.ts';
import { type CsiVolume, listSnapshots, listVolumes } from '../support/volumes.ts';
import { create, failsWith, idsOn, nodeOf, placedRequest, remove, snapshot, termOf } from './requests.ts';

/** Exit statuses of docs/cli.md. */
const NOT_FOUND = 3;
const PRECONDITION = 9;
/** By then it has looked into the trash at least once, were it let. */
const LOOKED_MS = 1500;
const CLEARED_MS = 15_000;
const READY = { status: 200, text: 'ok\n' };

void suite('a node that was declared gone', () => {
  let rig: ClusterRig;
  let alpha: RigNode;
  let kept: CsiVolume;
  let deleted: CsiVolume;
  let onBeta: CsiVolume;
  let snapshotId: string;
  let disk: readonly string[];
  let content: string;
  before(async () => {
    rig = await ClusterRig.start({ nodes: ['alpha', 'beta'], pool: { trashRetention: '1h' } });
    alpha = rig.node('alpha');
    kept = await create(rig, 'kept', { on: ['alpha'] });
    deleted = await create(rig, 'deleted', { on: ['alpha'] });
    onBeta = await create(rig, 'on beta', { on: ['beta'] });
    ({ snapshotId } = await snapshot(rig, 'cut', kept.volumeId));
    const target = await rig.user('alpha').publish(kept.volumeId);
    writeFileSync(join(target, 'data'), 'the only copy');
    content = hashTree(target);
    await rig.user('alpha').unpublish(kept.volumeId);
    await remove(rig, (await create(rig, 'deleted before', { on: ['alpha'] })).volumeId);
    disk = alpha.left();
  });
  after(async () => await rig.end());

  test('must not answer any more', async () => {
    const refused = await rig.controller.convoy('node', 'forget', 'alpha');
    assert.equal(refused.code, PRECONDITION, refused.stderr);
    assert.match(refused.stderr, /node alpha still answers.*--force/s);
    assert.deepEqual(await alpha.get('/readyz'), READY);
    const unknown = await rig.controller.convoy('node', 'forget', 'alhpa');
    assert.equal(unknown.code, NOT_FOUND, unknown.stderr);
    const readmitted = await rig.controller.convoy('node', 'readmit', 'alpha');
    assert.equal(readmitted.code, NOT_FOUND, readmitted.stderr);
  });

  test('releases what was on it', async () => {
    await alpha.stop();
    assert.deepEqual(await rig.controller.json('node', 'forget', 'alpha'), { node: 'alpha', nodeUid: null });
    await rig.csi.call('DeleteVolume', { volumeId: deleted.volumeId });
    await failsWith(rig.csi.call('ControllerGetVolume', { volumeId: kept.volumeId }), 'NOT_FOUND', 'node alpha', 'declared gone');
    assert.deepEqual(
      (await listVolumes(rig.csi)).map(({ volumeId }) => volumeId),
      [onBeta.volumeId],
    );
    assert.deepEqual(await listSnapshots(rig.csi), []);
    assert.equal((await rig.csi.call('GetCapacity', { accessibleTopology: termOf('alpha') })).availableCapacity, '0');
  });

  test('is not waited for: what needs it is RESOURCE_EXHAUSTED, so that the scheduler picks another', async () => {
    await failsWith(rig.csi.call('CreateVolume', placedRequest('needs it', { on: ['alpha'] })), 'RESOURCE_EXHAUSTED', 'node alpha');
    const restore = placedRequest('restored', { on: ['beta', 'alpha'], fromSnapshot: snapshotId });
    await failsWith(rig.csi.call('CreateVolume', restore), 'RESOURCE_EXHAUSTED', 'node alpha', 'convoy node readmit alpha');
    assert.equal(nodeOf(await create(rig, 'elsewhere', { on: ['alpha', 'beta'] })), 'beta');
  });

  test('removes nothing by itself before it is told, and what it is asked to it keeps in the trash', async () => {
    await rig.controller.stop();
    mkdirSync(leftOver(alpha));
    alpha.configure(emptyTheTrashAtOnce);
    await alpha.start();
    assert.deepEqual(await alpha.get('/readyz'), READY, 'its pods are served');
    await alpha.json('volumes', 'create', 'its-own');
    await alpha.json('volumes', 'delete', 'its-own');
    await pause(LOOKED_MS);
    assert.deepEqual(await trashOf(alpha), ['deleted before', 'its-own']);
    assert.ok(existsSync(leftOver(alpha)));
    disk = alpha.left();
    await rig.controller.start();
  });

  test('comes back unready, says why, and deletes nothing', async () => {
    await untilUnready(alpha);
    assert.deepEqual(alpha.left(), disk);
    assert.deepEqual(await idsOn(rig, 'alpha'), [deleted.volumeId, kept.volumeId].sort());
    await failsWith(rig.csi.call('ControllerGetVolume', { volumeId: kept.volumeId }), 'NOT_FOUND', 'declared gone');
    assert.equal(nodeOf(await create(rig, 'elsewhere again', { on: ['alpha', 'beta'] })), 'beta');
  });

  test('stays unready over its own restart, with the controller away', async () => {
    await rig.controller.stop();
    await alpha.restart();
    await untilUnready(alpha);
    await rig.controller.start();
    await rig.untilWhole();
    await untilUnready(alpha);
    const [state] = await rig.controller.json<{ name: string; state: string; goneSince: string | null }[]>('node', 'list');
    assert.deepEqual([state?.name, state?.state], ['alpha', 'gone']);
    assert.ok(!Number.isNaN(Date.parse(String(state?.goneSince))), 'since when');
    await failsWith(rig.csi.call('ControllerGetVolume', { volumeId: kept.volumeId }), 'NOT_FOUND', 'declared gone');
    assert.deepEqual(alpha.left(), disk);
  });

  test('is used again once it is readmitted, with all that it had', async () => {
    await rig.controller.json('node', 'readmit', 'alpha');
    await untilReady(alpha);
    await rig.untilWhole();
    const listed = (await listVolumes(rig.csi)).map(({ volumeId }) => volumeId);
    for (const { volumeId } of [kept, deleted]) assert.ok(listed.includes(volumeId), `${volumeId} is listed again`);
    assert.deepEqual(
      (await listSnapshots(rig.csi)).map((each) => each.snapshotId),
      [snapshotId],
    );
    const user = rig.user('alpha');
    assert.equal(hashTree(await user.publish(kept.volumeId)), content);
    await user.unpublish(kept.volumeId);
    assert.equal(nodeOf(await create(rig, 'here again', { on: ['alpha', 'beta'] })), 'alpha');
  });

  test('has then taken up what was to be removed', async () => {
    await untilCleared(alpha);
  });

  test('waits for the word in every process, for as long as no controller is there', async () => {
    await rig.controller.stop();
    await alpha.kill();
    mkdirSync(leftOver(alpha));
    await alpha.start();
    await alpha.json('volumes', 'delete', 'here again');
    await pause(LOOKED_MS);
    assert.deepEqual(await trashOf(alpha), ['here again']);
    assert.ok(existsSync(leftOver(alpha)));
    assert.deepEqual(await alpha.get('/readyz'), READY);
    await rig.controller.start();
    await untilCleared(alpha);
  });

  test('by force learns of it while it runs', async () => {
    const beta = rig.node('beta');
    assert.deepEqual(await beta.get('/readyz'), READY);
    await rig.controller.json('node', 'forget', 'beta', '--force');
    await untilUnready(beta);
    await rig.csi.call('DeleteVolume', { volumeId: onBeta.volumeId });
    assert.ok((await idsOn(rig, 'beta')).includes(onBeta.volumeId), 'released, not deleted');
    await rig.controller.json('node', 'readmit', 'beta');
    await untilReady(beta);
  });
});

async function untilUnready(node: RigNode): Promise<void> {
  await until(`${node.name} unready`, async () => {
    const { status, text } = await node.get('/readyz');
    if (status === 200) return undefined;
    assert.equal(status, 503);
    return new RegExp(`node ${node.name} was declared gone at .*convoy node readmit ${node.name}`).test(text) ? true : undefined;
  });
}

/** As a create leaves that was killed before its first record. */
const leftOver = ({ fs }: RigNode): string => join(fs.path, 'vfs', 'volumes', localId('volume', 'left over'));

const emptyTheTrashAtOnce = (config: Record<string, unknown>): object => ({
  ...config,
  pools: (config['pools'] as object[]).map((pool) => ({ ...pool, trashRetention: '0' })),
});

const trashOf = async (node: RigNode): Promise<readonly string[]> =>
  (await node.json<{ readonly name: string }[]>('volumes', 'trash')).map(({ name }) => name).sort();

/** Long before the trash would be looked at by itself. */
async function untilCleared(node: RigNode): Promise<void> {
  const cleared = async (): Promise<true | undefined> =>
    (await trashOf(node)).length === 0 && !existsSync(leftOver(node)) ? true : undefined;
  await until(`what ${node.name} held is removed`, cleared, CLEARED_MS);
}

async function untilReady(node: RigNode): Promise<void> {
  await until(`${node.name} ready`, async () => ((await node.get('/readyz')).status === 200 ? true : undefined));
}
