import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { localId, nodeKey } from '../../../src/convoy/ids.ts';
import type { Pools } from '../../../src/pool/api.ts';
import { call, failsWith, gone } from './faulty-pools.ts';
import { type Guest, noted, SharedPool, shared } from './shared-pool.ts';

const PAGE = { maxEntries: 0, startingToken: '' };

describe('a guest in a pool that another process manages', () => {
  const rig = new SharedPool();
  const everything = (): readonly string[] => readdirSync(rig.path, { recursive: true, encoding: 'utf8' }).sort();

  it('publishes its volumes, beside others, and is noted for as long as it does', async () => {
    const manager = await rig.manager();
    const [one, other] = [await rig.guest('one'), await rig.guest('other')];
    const volume = await manager.createVolume(shared('a'), call);
    assert.match(volume.id, /^shared\.global\.v/);
    const targets = [await one.publish(volume), await other.publish(volume)];
    writeFileSync(join(targets[0] ?? '', 'file'), 'seen by both');
    assert.equal(readFileSync(join(targets[1] ?? '', 'file'), 'utf8'), 'seen by both');
    assert.deepEqual(rig.notes(), noted('a', 'one', 'other'));
    await assert.rejects(manager.deleteVolume(volume.id, {}, call), failsWith('InUse', 'node one', 'node other', 'convoy node forget'));
    await one.unpublish(volume);
    assert.deepEqual(rig.notes(), noted('a', 'other'));
    await assert.rejects(manager.deleteVolume(volume.id, {}, call), failsWith('InUse', 'node other'));
    assert.equal(readFileSync(join(targets[1] ?? '', 'file'), 'utf8'), 'seen by both');
    await other.unpublish(volume);
    await manager.deleteVolume(volume.id, {}, call);
    assert.deepEqual(
      [rig.notes(), await manager.listTrash()].map((each) => each.length),
      [0, 1],
    );
  });

  it('is refused everything else, and changes nothing in trying', async () => {
    const manager = await rig.manager();
    const volume = await manager.createVolume(shared('a'), call);
    const snapshot = await manager.createSnapshot({ name: 'cut', sourceVolumeId: volume.id }, call);
    await manager.createVolume(shared('deleted'), call);
    await manager.deleteVolume(volume.id.replace(/v[0-9a-f]+$/, localId('volume', 'deleted')), {}, call);
    const [trashed] = await manager.listTrash();
    const { pools } = await rig.guest('node');
    const before = everything();
    const refused: Readonly<Record<string, () => Promise<unknown>>> = {
      create: () => pools.createVolume(shared('b'), call),
      'create by default': () => pools.createVolume({ ...shared('b'), pool: undefined as never }, call),
      restore: () => pools.createVolume({ ...shared('b'), source: { kind: 'snapshot', snapshotId: snapshot.id } }, call),
      delete: () => pools.deleteVolume(volume.id, {}, call),
      'delete, gone': () => pools.deleteVolume(volume.id, {}, gone),
      expand: () => pools.expandVolume(volume.id, { requiredBytes: 100n << 20n }, call),
      snapshot: () => pools.createSnapshot({ name: 'another', sourceVolumeId: volume.id }, call),
      'get snapshot': () => pools.getSnapshot(snapshot.id),
      'delete snapshot': () => pools.deleteSnapshot(snapshot.id, call),
      capacity: () => pools.capacity({ pool: 'shared' }),
      trash: () => pools.listTrash('shared'),
      undelete: () => pools.undelete('shared', trashed?.entry ?? '', call),
      init: () => pools.initPool('shared', 'init'),
      replace: () => pools.initPool('shared', 'replace'),
      adopt: () => pools.initPool('shared', 'adopt'),
    };
    for (const [what, ask] of Object.entries(refused))
      await assert.rejects(ask(), failsWith('NotSupported', 'shared', 'ask the controller'), what);
    assert.deepEqual((await pools.listVolumes(PAGE)).entries, []);
    assert.deepEqual((await pools.listSnapshots({}, PAGE)).entries, []);
    assert.deepEqual(await pools.listTrash(), []);
    assert.equal((await pools.getVolume(volume.id)).name, 'a');
    const [status] = await pools.status();
    assert.deepEqual([status?.isGuest, status?.scope, status?.state.kind, status?.capacity], [true, 'global', 'open', undefined]);
    assert.deepEqual(everything(), before);
  });

  it('sees what was made after it opened, and that a volume has grown', async () => {
    const manager = await rig.manager();
    const guest = await rig.guest('node');
    const volume = await manager.createVolume(shared('later'), call);
    const target = await guest.publish(volume);
    assert.deepEqual(readdirSync(target), []);
    const grown = await manager.expandVolume(volume.id, { requiredBytes: volume.sizeBytes * 2n }, call);
    assert.equal((await guest.pools.getVolume(volume.id)).sizeBytes, grown.sizeBytes);
    await guest.unpublish(volume);
  });

  it('survives that volumes are deleted, and notes nothing of them', async () => {
    const manager = await rig.manager();
    const guest = await rig.guest('node');
    const [kept, deleted] = [await manager.createVolume(shared('kept'), call), await manager.createVolume(shared('deleted'), call)];
    assert.equal((await guest.pools.getVolume(deleted.id)).name, 'deleted');
    const target = await guest.publish(kept);
    await manager.deleteVolume(deleted.id, {}, call);
    await assert.rejects(guest.pools.getVolume(deleted.id), failsWith('NotFound'));
    await assert.rejects(guest.publish(deleted), failsWith('NotFound'));
    await guest.unpublish(deleted);
    await guest.begin();
    assert.deepEqual(rig.notes(), noted('kept', 'node'));
    writeFileSync(join(target, 'file'), 'kept');
    await guest.unpublish(kept);
    const again = await manager.createVolume(shared('deleted'), call);
    assert.deepEqual(readdirSync(await guest.publish(again)), []);
    await guest.unpublish(again);
  });

  it('waits for the marker, and opens when it appears', async (t) => {
    let told = 0;
    const guest = await rig.guest('node', { guestOpened: () => void told++ });
    const id = `shared.global.${localId('volume', 'a')}`;
    const state = async (): Promise<string> => (await guest.pools.status()).map(({ state: { kind } }) => kind).join();
    assert.equal(await state(), 'unavailable');
    await assert.rejects(guest.pools.getVolume(id), failsWith('Unavailable', rig.path, 'no pool marker', 'convoy pools init shared'));
    assert.deepEqual([everything(), told], [[], 0]);
    const manager = await rig.manager({ config: { init: 'manual' } });
    await manager.initPool('shared', 'init');
    const volume = await manager.createVolume(shared('a'), call);
    const now = performance.now.bind(performance);
    t.mock.method(performance, 'now', () => now() + 3000);
    assert.deepEqual([await state(), told], ['open', 1]);
    await guest.publish(volume);
    await guest.unpublish(volume);
  });

  it('takes no pool of another name for its own, nor one that was local', async () => {
    const manager = await rig.manager({ config: { options: { 'vfs.path': rig.path } } });
    await manager.close();
    const guest = await rig.guest('node');
    await assert.rejects(guest.pools.getVolume('shared.global.v'.padEnd(47, '0')), failsWith('Unavailable', 'the node controller'));
    const renamed = await rig.guest('other', { config: { name: 'renamed' } });
    await assert.rejects(renamed.pools.getVolume('renamed.global.v'.padEnd(48, '0')), failsWith('Unavailable', 'the name shared'));
  });

  describe('that starts again', () => {
    const published = async (): Promise<{ manager: Pools; guest: Guest; volume: Awaited<ReturnType<Pools['createVolume']>> }> => {
      const manager = await rig.manager();
      const guest = await rig.guest('node');
      const volume = await manager.createVolume(shared('a'), call);
      await guest.publish(volume);
      return { manager, guest, volume };
    };

    it('holds what is mounted, as before', async () => {
      const { manager, guest, volume } = await published();
      await guest.begin();
      assert.deepEqual(rig.notes(), noted('a', 'node'));
      await assert.rejects(manager.deleteVolume(volume.id, {}, call), failsWith('InUse', 'node node'));
      await guest.unpublish(volume);
      assert.deepEqual(rig.notes(), []);
    });

    it('after a power cut holds nothing any more', async () => {
      const { manager, guest, volume } = await published();
      guest.crash({ forgetting: false });
      await guest.begin();
      assert.deepEqual(rig.notes(), []);
      await manager.deleteVolume(volume.id, {}, call);
    });

    it('with a new disk holds nothing any more', async () => {
      const { manager, guest, volume } = await published();
      guest.crash({ forgetting: true });
      assert.deepEqual(rig.notes(), noted('a', 'node'));
      await assert.rejects(manager.deleteVolume(volume.id, {}, call), failsWith('InUse', 'node node'));
      await guest.begin();
      assert.deepEqual(rig.notes(), []);
      await manager.deleteVolume(volume.id, {}, call);
    });

    it('without its records holds what is mounted all the same', async () => {
      const { manager, guest, volume } = await published();
      const target = guest.target(volume.id);
      writeFileSync(join(target, 'file'), 'in use');
      rmSync(guest.records, { recursive: true });
      await guest.begin();
      assert.deepEqual(rig.notes(), noted('a', 'node'));
      await assert.rejects(manager.deleteVolume(volume.id, {}, call), failsWith('InUse', 'node node'));
      await guest.unpublish(volume);
      assert.deepEqual(rig.notes(), []);
    });

    it('does not let go of what other nodes hold', async () => {
      const { guest, volume } = await published();
      const other = await rig.guest('other');
      await other.publish(volume);
      guest.crash({ forgetting: true });
      await guest.begin();
      await other.begin();
      for (const note of noted('a', 'other')) assert.ok(rig.notes().includes(note));
      await other.unpublish(volume);
    });

    it('after a kill in the middle of noting holds nothing', async () => {
      const manager = await rig.manager();
      const volume = await manager.createVolume(shared('a'), call);
      mkdirSync(join(rig.path, 'holders', localId('volume', 'a')), { recursive: true });
      writeFileSync(join(rig.path, 'holders', localId('volume', 'a'), `.${nodeKey('node')}.tmp`), '{"ver');
      const guest = await rig.guest('node');
      assert.deepEqual(rig.notes(), []);
      await guest.publish(volume);
      await guest.unpublish(volume);
    });

    it('releases what it could not while the pool was away', async (t) => {
      const { manager, guest, volume } = await published();
      renameSync(join(rig.path, '.convoy-pool.json'), join(rig.path, 'away'));
      await guest.unpublish(volume);
      assert.deepEqual(rig.notes(), noted('a', 'node'));
      renameSync(join(rig.path, 'away'), join(rig.path, '.convoy-pool.json'));
      const now = performance.now.bind(performance);
      t.mock.method(performance, 'now', () => now() + 3000);
      await guest.pools.status();
      await guest.node.sweep();
      assert.deepEqual(rig.notes(), []);
      await manager.deleteVolume(volume.id, {}, call);
    });
  });
});
