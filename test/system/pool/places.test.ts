import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { call, FaultyPools, failsWith, input, plainly } from './faulty-pools.ts';

describe('the place of a pool', () => {
  const rig = new FaultyPools();

  it('tries an unopened pool again although the clock was set back', async (t) => {
    const pools = await rig.open();
    const volume = await pools.createVolume(input('a'), call);
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 3_600_000 });
    await rig.losePool(pools, volume.id);
    t.mock.timers.reset();
    const now = performance.now.bind(performance);
    t.mock.method(performance, 'now', () => now() + 3000);
    assert.equal((await pools.getVolume(volume.id)).name, 'a');
  });

  it('is not closed by a late answer about the disk that it was opened on before', async () => {
    const pools = await rig.open();
    const volume = await pools.createVolume(input('a'), call);
    const [asked, late] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    rig.around = async (name, work) => {
      if (name !== 'storage.assertSame') return work();
      asked.resolve();
      await late.promise;
      throw new ConvoyError('Unavailable', 'the disk hung');
    };
    const hanging = pools.getVolume(volume.id);
    await asked.promise;
    rig.around = plainly;
    await rig.losePool(pools, volume.id);
    await pools.initPool('p', 'adopt');
    late.resolve();
    await assert.rejects(hanging, failsWith('Unavailable'));
    assert.equal((await pools.getVolume(volume.id)).name, 'a');
  });

  it('remembers each place that a pool was at', async () => {
    const first = await rig.open();
    await first.createVolume(input('a'), call);
    await first.close();
    const [p, q] = [join(rig.disk, 'p'), join(rig.disk, 'q')];
    mkdirSync(q);
    await (await rig.open({ options: { 'vfs.path': q } })).close();
    renameSync(p, join(rig.disk, 'away'));
    const again = await rig.open();
    await assert.rejects(again.createVolume(input('b'), call), failsWith('Unavailable', 'opened the pool there before'));
    assert.deepEqual(readdirSync(p), []);
  });

  it('does not replace the marker of a pool that another process manages', async () => {
    const change = { driver: 'local' } as const;
    const first = await rig.open(change);
    const second = await rig.open(change);
    const marker = join(rig.disk, 'p', 'convoy-pool.json');
    const text = readFileSync(marker, 'utf8');
    await assert.rejects(second.initPool('p', 'replace'), failsWith('Busy', 'another process'));
    assert.equal(readFileSync(marker, 'utf8'), text);
    await first.createVolume(input('a'), call);
  });

  it('needs the word that the old data is gone before a known pool is made anew', async () => {
    const pools = await rig.open();
    await pools.createVolume(input('a'), call);
    await pools.close();
    renameSync(join(rig.disk, 'p'), join(rig.disk, 'away'));
    const again = await rig.open();
    await assert.rejects(again.initPool('p', 'init'), failsWith('Precondition', 'not mounted', '--replace'));
    assert.deepEqual(readdirSync(join(rig.disk, 'p')), []);
    assert.equal((await again.initPool('p', 'replace')).state.kind, 'open');
  });

  it('lets the admin make a pool on the disk that took the place of a lost one', async () => {
    const pools = await rig.open();
    const volume = await pools.createVolume(input('a'), call);
    renameSync(join(rig.disk, 'p'), join(rig.disk, 'away'));
    mkdirSync(join(rig.disk, 'p'));
    await assert.rejects(pools.getVolume(volume.id), failsWith('Unavailable'));
    assert.equal((await pools.initPool('p', 'replace')).state.kind, 'open');
  });
});
