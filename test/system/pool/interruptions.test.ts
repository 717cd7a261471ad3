import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { localId } from '../../../src/convoy/ids.ts';
import type { Job, Pools } from '../../../src/pool/api.ts';
import { call, FaultyPools, failsWith, gone, input, MIB, plainly } from './faulty-pools.ts';

describe('interrupted work of a pool', () => {
  const rig = new FaultyPools();

  it('gives the source back when a copy is deleted that still waits for its turn', async () => {
    const pools = await rig.open({ bandwidth: 1000 });
    const source = await rig.sourceOf(pools);
    const idOf = (name: string): string => source.volumeId.replace(localId('volume', 'source'), localId('volume', name));
    for (const name of ['one', 'two']) await assert.rejects(pools.createVolume(input(name, { source }), gone), failsWith('Busy'));
    await assert.rejects(pools.createSnapshot({ name: 'three', sourceVolumeId: source.volumeId }, gone), failsWith('Busy', 'waiting'));
    const snapshotId = pools.jobs().find(({ kind }) => kind === 'snapshot')?.objectId;
    await pools.deleteVolume(idOf('two'), {}, call);
    await pools.deleteSnapshot(snapshotId ?? '', call);
    await pools.deleteVolume(idOf('one'), {}, call);
    await pools.deleteVolume(source.volumeId, {}, call);
    assert.deepEqual(rig.volumes(), []);
  });

  it('goes on alone when the pool is opened again under a copy', async () => {
    const pools = await rig.open();
    const source = await rig.sourceOf(pools);
    const [copied, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let copies = 0;
    rig.around = async (name, work) => {
      const result = await work();
      if (name !== 'clone.cloneVolume') return result;
      copies += 1;
      copied.resolve();
      await held.promise;
      return result;
    };
    const creating = pools.createVolume(input('copy', { source }), call);
    await copied.promise;
    await rig.losePool(pools, source.volumeId);
    await pools.initPool('p', 'adopt');
    held.resolve();
    assert.equal((await creating).name, 'copy');
    assert.equal(copies, 1);
    assert.equal(readFileSync(join(rig.placeOf('copy'), 'data', 'file')).length, 1 << 20);
  });

  it('keeps the data of what was made ready when the pool is lost at that instant', async () => {
    const pools = await rig.open();
    const other = await pools.createVolume(input('other'), call);
    let writes = 0;
    rig.around = async (name, work) => {
      const result = await work();
      if (name === 'records.writeRecord' && ++writes === 2) await rig.losePool(pools, other.id);
      return result;
    };
    await pools.createVolume(input('a'), call).catch(failsWith('Unavailable'));
    rig.around = plainly;
    await pools.initPool('p', 'adopt');
    const volume = await pools.createVolume(input('a'), call);
    assert.ok(existsSync(join(rig.placeOf('a'), 'data')), 'the data of a ready volume is there');
    assert.ok((await pools.listVolumes({ maxEntries: 0, startingToken: '' })).entries.some(({ id }) => id === volume.id));
  });

  it('gives no final answer while what a failed create left is still there', async () => {
    const pools = await rig.open();
    rig.around = async (name, work) => {
      const result = await work();
      if (name === 'volume.createVolume') throw new ConvoyError('NoSpace', 'the disk is full');
      return result;
    };
    const broken = rig.around;
    rig.around = async (name, work) => {
      if (name === 'volume.deleteVolume') throw new ConvoyError('Internal', 'cannot be cleared');
      return broken(name, work);
    };
    await assert.rejects(pools.createVolume(input('a'), call), failsWith('Busy', 'the disk is full', 'cannot be cleared'));
    rig.around = broken;
    await assert.rejects(pools.createVolume(input('a'), call), failsWith('NoSpace', 'the disk is full'));
    assert.deepEqual(rig.volumes(), []);
    assert.equal((await pools.status())[0]?.promisedBytes, 0n);
  });

  it('is left as it is while nothing may be removed, and cleared when it may', async () => {
    const before = await rig.open({ trashRetentionMs: 3_600_000 });
    const { id } = await before.createVolume(input('deleted'), call);
    await before.deleteVolume(id, {}, call);
    rig.around = async (name, work) => {
      if (name === 'volume.deleteVolume') throw new ConvoyError('Internal', 'cannot be cleared');
      const result = await work();
      if (name === 'volume.createVolume') throw new ConvoyError('NoSpace', 'the disk is full');
      return result;
    };
    await assert.rejects(before.createVolume(input('half'), call), failsWith('Busy'));
    rig.around = plainly;
    await before.close();

    const held = await rig.open({}, ['p'], undefined, () => true);
    // Timers fire in order: the look for expired trash, which is due at once, is over.
    await delay(20);
    assert.equal((await held.listTrash()).length, 1);
    assert.deepEqual(held.jobs(), []);
    assert.ok(existsSync(rig.placeOf('half')));
    await held.close();

    const free = await rig.open();
    while ((await free.listTrash()).length > 0) await delay(5);
    assert.deepEqual(rig.volumes(), []);
  });

  it('is taken up in the same process once it may be removed', async () => {
    const before = await rig.open();
    rig.around = async (name, work) => {
      if (name === 'volume.deleteVolume') throw new ConvoyError('Internal', 'cannot be cleared');
      const result = await work();
      if (name === 'volume.createVolume') throw new ConvoyError('NoSpace', 'the disk is full');
      return result;
    };
    await assert.rejects(before.createVolume(input('half'), call), failsWith('Busy'));
    rig.around = plainly;
    await before.close();

    let holds = true;
    const pools = await rig.open({}, ['p'], undefined, () => holds);
    const { id } = await pools.createVolume(input('deleted'), call);
    await pools.deleteVolume(id, { purge: true }, call);
    await delay(20);
    assert.equal((await pools.listTrash()).length, 1, 'who asks for a deletion gets it, into the trash');
    assert.ok(existsSync(rig.placeOf('half')));
    const { availableBytes } = await pools.capacity({});
    const large = input('large', { range: { requiredBytes: availableBytes + MIB } });
    // It would be Busy if that room were about to be made.
    await assert.rejects(pools.createVolume(large, call), failsWith('NoSpace'));
    holds = false;
    await pools.takeUpHeld();
    assert.deepEqual(rig.volumes(), []);
    // Long before it would be looked at again by itself.
    for (const end = Date.now() + 5000; (await pools.listTrash()).length > 0; await delay(5)) assert.ok(Date.now() < end, 'not emptied');
  });

  it('leaves no place behind when the first record cannot be written', async () => {
    const pools = await rig.open();
    rig.around = async (name, work) => {
      if (name !== 'records.writeRecord') return work();
      mkdirSync(rig.placeOf('a'));
      throw new ConvoyError('NoSpace', 'no space for the record');
    };
    await assert.rejects(pools.createVolume(input('a'), call), failsWith('NoSpace'));
    assert.deepEqual(rig.volumes(), []);
    assert.equal((await pools.status())[0]?.promisedBytes, 0n);
  });

  it('clears what a cancelled copy left before the retry is refused for good', async () => {
    const pools = await rig.open({ bandwidth: 1000 });
    const source = await rig.sourceOf(pools);
    const ended = jobThat(pools, ({ kind, state }) => kind === 'clone' && state === 'failed');
    const copy = input('copy', { source });
    await assert.rejects(pools.createVolume(copy, gone), failsWith('Busy'));
    const id = source.volumeId.replace(localId('volume', 'source'), localId('volume', 'copy'));
    await assert.rejects(pools.deleteVolume(id, {}, gone), failsWith('Busy', 'cancelled'));
    await ended;
    await pools.deleteVolume(source.volumeId, {}, call);
    await assert.rejects(pools.createVolume(copy, call), failsWith('Cancelled'));
    await assert.rejects(pools.createVolume(copy, call), failsWith('NotFound'));
    assert.deepEqual(rig.volumes(), []);
    assert.equal((await pools.status())[0]?.promisedBytes, 0n);
  });

  it('ends in order although trash waits to be emptied', async () => {
    const pools = await rig.open();
    const source = await rig.sourceOf(pools);
    const [copied, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    rig.around = async (name, work) => {
      const result = await work();
      if (name !== 'clone.cloneVolume') return result;
      copied.resolve();
      await held.promise;
      return result;
    };
    const other = await pools.createVolume(input('other'), call);
    const creating = pools.createVolume(input('copy', { source }), call);
    await copied.promise;
    let closing: Promise<void> | undefined;
    const working = rig.around;
    rig.around = async (name, work) => {
      if (name === 'trash.readTrashRecord') closing = pools.close();
      return working(name, work);
    };
    await pools.deleteVolume(other.id, {}, call);
    // Timers of one delay run in order: the one that empties the trash has run when this one does.
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    held.resolve();
    await Promise.allSettled([creating]);
    await closing;
  });

  it('says that the name is taken, not that there is no room, to who wants it elsewhere while it is made', async () => {
    const pools = await rig.open({ bandwidth: 1000 });
    const source = await rig.sourceOf(pools);
    const snapshot = { name: 'snap', sourceVolumeId: source.volumeId };
    await assert.rejects(pools.createVolume(input('copy', { source }), gone), failsWith('Busy'));
    await assert.rejects(pools.createSnapshot(snapshot, gone), failsWith('Busy'));
    const nodes = ['node-2'];
    await assert.rejects(pools.createVolume(input('copy', { source, nodes }), call), failsWith('AlreadyExists', 'node-1', 'node-2'));
    await assert.rejects(pools.createSnapshot({ ...snapshot, nodes }, call), failsWith('AlreadyExists', 'node-1', 'node-2'));
    await assert.rejects(pools.createVolume(input('new', { source, nodes }), call), failsWith('NoSpace', 'node-1', 'node-2'));
  });

  it('never takes a copy of a file system that was just made for half of one', async () => {
    const pools = await rig.open({ driver: 'loop' });
    const volume = await pools.createVolume(input('a', { range: { requiredBytes: 16n * MIB } }), call);
    const [formatting, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const staging = pools.withVolume(volume.id, async ({ format }) => {
      await format.begin('ext4');
      formatting.resolve();
      await finish.promise;
      await format.done('ext4');
    });
    await formatting.promise;
    let first = true;
    rig.around = async (name, work) => {
      const result = await work();
      if (name !== 'records.readRecord' || !String(result).includes('"format": "formatting"') || !first) return result;
      first = false;
      finish.resolve();
      await staging;
      return result;
    };
    const snapshot = await pools.createSnapshot({ name: 's', sourceVolumeId: volume.id }, call);
    const restored = await pools.createVolume(input('b', { range: {}, source: { kind: 'snapshot', snapshotId: snapshot.id } }), call);
    assert.equal((await pools.peekVolume(restored.id)).format.state, 'formatted');
  });

  it('restores the snapshot of a volume whose expansion stopped half way', async () => {
    const pools = await rig.open({ driver: 'loop' });
    const volume = await pools.createVolume(input('a', { range: { requiredBytes: 16n * MIB } }), call);
    rig.around = async (name, work) => {
      if (name === 'records.writeRecord') throw new ConvoyError('NoSpace', 'no space for the record');
      return work();
    };
    await assert.rejects(pools.expandVolume(volume.id, { requiredBytes: 32n * MIB }, call), failsWith('NoSpace'));
    rig.around = plainly;
    const snapshot = await pools.createSnapshot({ name: 's', sourceVolumeId: volume.id }, call);
    const source = { kind: 'snapshot', snapshotId: snapshot.id } as const;
    const restored = await pools.createVolume(input('b', { range: { requiredBytes: snapshot.sizeBytes }, source }), call);
    assert.equal(restored.sizeBytes, 32n * MIB);
  });

  it('is found by the retry that names no pool, after another pool became the default', async () => {
    const first = await rig.open({}, ['p', 'q'], 'p');
    const volume = await first.createVolume(input('a'), call);
    await first.close();
    const second = await rig.open({}, ['p', 'q'], 'q');
    assert.equal((await second.createVolume(input('a'), call)).id, volume.id);
    await assert.rejects(second.createVolume(input('a', { pool: 'q' }), call), failsWith('AlreadyExists', 'pool p'));
  });

  it('brings nothing back whose name another pool has by now', async () => {
    const pools = await rig.open({ trashRetentionMs: 3_600_000 }, ['p', 'q']);
    const volume = await pools.createVolume(input('a', { pool: 'p' }), call);
    await pools.deleteVolume(volume.id, {}, call);
    await pools.createVolume(input('a', { pool: 'q' }), call);
    const [item] = await pools.listTrash();
    await assert.rejects(pools.undelete('p', item?.entry ?? '', call), failsWith('AlreadyExists', 'pool q'));
    assert.deepEqual(await pools.listTrash(), [item]);
  });

  it('deletes on a full disk also where the driver has no trash', async () => {
    const pools = await rig.open({ driver: 'local' });
    const volume = await pools.createVolume(input('a'), call);
    rig.around = async (name, work) => {
      if (name === 'records.writeRecord') throw new ConvoyError('NoSpace', 'no space for the record');
      return work();
    };
    await pools.deleteVolume(volume.id, {}, call);
    assert.deepEqual(rig.volumes(), []);
  });

  it('calls a pool busy only while the trash that goes makes enough room', async () => {
    const pools = await rig.open({ trashRetentionMs: 3_600_000 });
    const room = (await pools.capacity({})).availableBytes;
    const big = await pools.createVolume(input('big', { range: { requiredBytes: room / 2n } }), call);
    const small = await pools.createVolume(input('small'), call);
    const purging = Promise.withResolvers<void>();
    rig.around = async (name, work) => {
      if (name === 'trash.purge') await purging.promise;
      return work();
    };
    await pools.deleteVolume(big.id, {}, call);
    await pools.deleteVolume(small.id, { purge: true }, call);
    const left = (await pools.capacity({})).availableBytes;
    const create = (bytes: bigint): Promise<unknown> => pools.createVolume(input('new', { range: { requiredBytes: bytes } }), call);
    try {
      await assert.rejects(create(left + 1n), failsWith('Busy', 'trash'));
      await assert.rejects(create(left + 11n * MIB), failsWith('NoSpace'));
    } finally {
      purging.resolve();
    }
  });
});

function jobThat(pools: Pools, matches: (job: Job) => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = new AbortController();
  pools.watchJobs(stop.signal, (job) => {
    if (!matches(job)) return;
    stop.abort();
    resolve();
  });
  return promise;
}
