import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Around } from '../../../src/convoy/decorate.ts';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { localId, nodeKey } from '../../../src/convoy/ids.ts';
import { call, failsWith } from './faulty-pools.ts';
import { type Guest, interleave, noted, SharedPool, shared } from './shared-pool.ts';

const PAGE = { maxEntries: 0, startingToken: '' };
/** A test that waits for what never comes fails. */
const PATIENCE = { timeout: 30_000 };
const later = (): PromiseWithResolvers<void> => Promise.withResolvers<void>();
/** Once the record of the one volume was written for the third time: twice by its create, then by the delete's mark. */
const afterMark = (then: () => Promise<unknown>): Around => {
  let writes = 0;
  return async (name, work) => {
    const result = await work();
    if (name === 'records.writeRecord' && ++writes === 3) await then();
    return result;
  };
};

describe('a guest that takes a volume while it is deleted', () => {
  const rig = new SharedPool();

  it('has the volume if it noted so before the delete looked', async () => {
    const manager = await rig.manager();
    const volume = await manager.createVolume(shared('a'), call);
    let refusal: unknown;
    const around = interleave('after', 'holders.addHolder', async () => {
      refusal = await manager.deleteVolume(volume.id, {}, call).catch((error: unknown) => error);
    });
    const guest = await rig.guest('node', { around });
    const target = await guest.publish(volume);
    assert.ok(failsWith('InUse', 'node node')(refusal));
    writeFileSync(join(target, 'file'), 'in use');
    assert.equal((await manager.getVolume(volume.id)).state, 'ready');
    await guest.unpublish(volume);
    await manager.deleteVolume(volume.id, {}, call);
  });

  it('has the volume if it noted so between the first look and the second', async () => {
    let guest: Guest | undefined;
    const around = interleave('after', 'holders.holders', async () => {
      await guest?.publish(volume);
    });
    const manager = await rig.manager({ around });
    guest = await rig.guest('node');
    const volume = await manager.createVolume(shared('a'), call);
    await assert.rejects(manager.deleteVolume(volume.id, {}, call), failsWith('InUse', 'node node'));
    writeFileSync(join(guest.target(volume.id), 'file'), 'in use');
    assert.deepEqual(await manager.getVolume(volume.id), volume);
    assert.deepEqual((await manager.listVolumes(PAGE)).entries, [volume]);
    await guest.begin();
    await guest.unpublish(volume);
    await manager.deleteVolume(volume.id, {}, call);
  });

  it('has not the volume, and notes nothing, if it was deleted before it noted so', PATIENCE, async () => {
    const [asked, marked] = [later(), later()];
    const manager = await rig.manager();
    const volume = await manager.createVolume(shared('a'), call);
    const guest = await rig.guest('node', {
      around: interleave('before', 'holders.addHolder', async () => {
        asked.resolve();
        await marked.promise;
      }),
    });
    const staged = guest.stage(volume);
    await asked.promise;
    await manager.deleteVolume(volume.id, {}, call);
    marked.resolve();
    await assert.rejects(staged, failsWith('NotFound'));
    assert.deepEqual(rig.notes(), []);
    assert.deepEqual(readdirSync(guest.staging(volume.id)), []);
    assert.equal((await manager.listTrash()).length, 1);
  });

  it('has not the volume if it notes so between the mark and the second look', PATIENCE, async () => {
    const [asked, marked, refused] = [later(), later(), later()];
    const manager = await rig.manager({
      around: afterMark(async () => {
        marked.resolve();
        await refused.promise;
      }),
    });
    const guest = await rig.guest('node', {
      around: interleave('before', 'holders.addHolder', async () => {
        asked.resolve();
        await marked.promise;
      }),
    });
    const volume = await manager.createVolume(shared('a'), call);
    const staged = guest.stage(volume).finally(() => refused.resolve());
    staged.catch(() => {});
    await asked.promise;
    const deleted = manager.deleteVolume(volume.id, {}, call);
    await assert.rejects(staged, failsWith('NotFound', 'being deleted'));
    await deleted;
    assert.deepEqual(rig.notes(), []);
  });

  it('keeps what it has staged already, though the repeated stage meets the mark', PATIENCE, async () => {
    const [again, marked] = [later(), later()];
    let guest: Guest | undefined;
    let repeated: Promise<unknown> = Promise.resolve();
    // Free at the first look; then it is staged, and a second time.
    const staging = interleave('after', 'holders.holders', async () => {
      await guest?.stage(volume);
      repeated = guest?.stage(volume).catch((error: unknown) => error) ?? repeated;
      await again.promise;
    });
    const marking = afterMark(async () => {
      marked.resolve();
      await repeated;
    });
    const manager = await rig.manager({ around: (name, work) => marking(name, () => staging(name, work)) });
    let adds = 0;
    guest = await rig.guest('node', {
      around: async (name, work) => {
        if (name === 'holders.addHolder' && ++adds === 2) {
          again.resolve();
          await marked.promise;
        }
        return await work();
      },
    });
    const volume = await manager.createVolume(shared('a'), call);
    await assert.rejects(manager.deleteVolume(volume.id, {}, call), failsWith('InUse', 'node node'));
    assert.ok(failsWith('NotFound', 'being deleted')(await repeated));
    assert.deepEqual(rig.notes(), noted('a', 'node'));
    await guest.stage(volume);
    await guest.unpublish(volume);
    assert.deepEqual(rig.notes(), []);
  });

  it('that a full disk keeps from being marked is not thrown away under it', async () => {
    let guest: Guest | undefined;
    let looks = 0;
    let writes = 0;
    const manager = await rig.manager({
      around: async (name, work) => {
        if (name === 'records.writeRecord' && ++writes === 3) throw new ConvoyError('NoSpace', 'no space left');
        const result = await work();
        if (name === 'holders.holders' && ++looks === 2) await guest?.publish(volume);
        return result;
      },
    });
    guest = await rig.guest('node');
    const volume = await manager.createVolume(shared('a'), call);
    await manager.deleteVolume(volume.id, {}, call).catch((error: unknown) => assert.ok(failsWith('InUse')(error)));
    assert.deepEqual(readdirSync(join(rig.path, 'trash')), []);
    await guest.unpublish(volume);
  });
});

describe('a volume of a pool that others publish from', () => {
  const rig = new SharedPool();

  it('is not destroyed in the trash while a node holds it, as after a kill before the second look', PATIENCE, async () => {
    let blind = true;
    const called: string[] = [];
    const around: Around = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
      called.push(name);
      if (name === 'holders.holders' && blind) return [] as T;
      const result = await work();
      if (name === 'trash.discard') blind = false;
      return result;
    };
    const manager = await rig.manager({ around, config: { trashRetentionMs: 0 } });
    const guest = await rig.guest('node');
    const volume = await manager.createVolume(shared('a'), call);
    writeFileSync(join(await guest.publish(volume), 'file'), 'in use');
    const refused = later();
    manager.watchJobs(new AbortController().signal, ({ kind, state, error = '' }) => {
      if (kind === 'purge' && state === 'failed' && error.includes('staged on node node')) refused.resolve();
    });
    await manager.deleteVolume(volume.id, {}, call);
    await refused.promise;
    assert.equal(readFileSync(join(guest.target(volume.id), 'file'), 'utf8'), 'in use');
    assert.ok(!called.includes('trash.purge'));
    await guest.unpublish(volume);
    assert.deepEqual(rig.notes(), []);
  });

  it('whose record is damaged is let go all the same, and then deleted', async () => {
    const manager = await rig.manager();
    const guest = await rig.guest('node');
    const volume = await manager.createVolume(shared('a'), call);
    await guest.publish(volume);
    writeFileSync(join(rig.path, 'volumes', localId('volume', 'a'), 'record.json'), 'half');
    await assert.rejects(manager.deleteVolume(volume.id, {}, call), failsWith('InUse', 'node node'));
    await guest.unpublish(volume);
    assert.deepEqual(rig.notes(), []);
    await manager.deleteVolume(volume.id, {}, call);
  });

  it('comes back from the trash as it was, and is published again', async () => {
    const manager = await rig.manager();
    const guest = await rig.guest('node');
    const volume = await manager.createVolume(shared('a'), call);
    writeFileSync(join(await guest.publish(volume), 'file'), 'kept');
    await guest.unpublish(volume);
    await manager.deleteVolume(volume.id, {}, call);
    await assert.rejects(guest.stage(volume), failsWith('NotFound'));
    const [item] = await manager.listTrash('shared');
    assert.deepEqual(await manager.undelete('shared', item?.entry ?? '', call), volume);
    assert.equal(readFileSync(join(await guest.publish(volume), 'file'), 'utf8'), 'kept');
    assert.deepEqual((await manager.listVolumes(PAGE)).entries, [volume]);
    await assert.rejects(manager.deleteVolume(volume.id, {}, call), failsWith('InUse', 'node node'));
    await guest.unpublish(volume);
    await manager.deleteVolume(volume.id, {}, call);
  });

  it('comes back although the undelete is cut short', async () => {
    let dies = false;
    const first = await rig.manager({
      around: async (name, work) => {
        if (dies && name === 'records.writeRecord') throw new ConvoyError('Unavailable', 'killed');
        return await work();
      },
    });
    const volume = await first.createVolume(shared('a'), call);
    await first.deleteVolume(volume.id, {}, call);
    const [item] = await first.listTrash('shared');
    dies = true;
    await assert.rejects(first.undelete('shared', item?.entry ?? '', call));
    await first.close();
    const second = await rig.manager();
    assert.deepEqual((await second.listVolumes(PAGE)).entries, [volume]);
    await second.deleteVolume(volume.id, {}, call);
  });

  it('whose delete was cut short after the mark is as before once the pool is managed again', async () => {
    let dies = false;
    let dead = false;
    const first = await rig.manager({
      around: async (name, work) => {
        dead ||= dies && name === 'trash.discard';
        if (dead) throw new ConvoyError('Unavailable', 'killed');
        return await work();
      },
    });
    const volume = await first.createVolume(shared('a'), call);
    dies = true;
    await assert.rejects(first.deleteVolume(volume.id, {}, call));
    await first.close();
    const guest = await rig.guest('node');
    await assert.rejects(guest.stage(volume), failsWith('NotFound', 'being deleted'));
    const second = await rig.manager();
    assert.deepEqual((await second.listVolumes(PAGE)).entries, [volume]);
    await guest.publish(volume);
    await guest.unpublish(volume);
    await second.deleteVolume(volume.id, {}, call);
  });

  it('whose delete is refused by its storage is as before', async () => {
    const manager = await rig.manager();
    const guest = await rig.guest('node');
    const volume = await manager.createVolume(shared('a'), call);
    const inside = join(rig.path, 'volumes', localId('volume', 'a'), 'data');
    execFileSync('mount', ['-t', 'tmpfs', 'none', inside]);
    try {
      for (const referenceOnly of [false, true])
        await assert.rejects(manager.deleteVolume(volume.id, { referenceOnly }, call), failsWith('InUse', inside));
    } finally {
      execFileSync('umount', [inside]);
    }
    assert.deepEqual(await manager.getVolume(volume.id), volume);
    await guest.publish(volume);
    await guest.unpublish(volume);
  });

  it('of a node that is declared gone is deleted, and what the node noted is forgotten', async () => {
    const released = new Set<string>();
    const manager = await rig.manager({ isReleased: (node) => released.has(node) });
    const [lost, other] = [await rig.guest('lost'), await rig.guest('other')];
    const volume = await manager.createVolume(shared('a'), call);
    for (const guest of [lost, other]) await guest.publish(volume);
    released.add('lost');
    await assert.rejects(
      manager.deleteVolume(volume.id, {}, call),
      (error) => failsWith('InUse', 'node other')(error) && !/node lost/.test(String(error)),
    );
    await other.unpublish(volume);
    await manager.deleteVolume(volume.id, {}, call);
    assert.deepEqual(rig.notes(), []);
    lost.crash({ forgetting: false });
    await lost.begin();
    assert.deepEqual(rig.notes(), []);
    assert.deepEqual(readdirSync(lost.staging(volume.id)), []);
  });

  it('that holds a note which cannot be read is not deleted, and the note is named', async () => {
    const manager = await rig.manager();
    const volume = await manager.createVolume(shared('a'), call);
    const note = join(rig.path, 'holders', localId('volume', 'a'), nodeKey('node'));
    mkdirSync(join(note, '..'), { recursive: true });
    writeFileSync(note, 'half');
    await assert.rejects(
      manager.deleteVolume(volume.id, {}, call),
      (error) => failsWith('InUse', note, 'remove it if no node uses')(error) && !/node forget/.test(String(error)),
    );
    assert.deepEqual(await manager.getVolume(volume.id), volume);
    rmSync(note);
    await manager.deleteVolume(volume.id, {}, call);
    assert.deepEqual(readdirSync(join(rig.path, 'volumes')), []);
  });

  it('is not deleted by a second manager', async () => {
    const first = await rig.manager();
    const volume = await first.createVolume(shared('a'), call);
    const second = await rig.open('another', {});
    await assert.rejects(second.deleteVolume(volume.id, {}, call), failsWith('Unavailable', 'another convoy process'));
    assert.equal((await first.getVolume(volume.id)).name, 'a');
  });
});
