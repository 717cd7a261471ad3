import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ConvoyDriver } from '../../../src/convoy/contract.ts';
import type { System } from '../../../src/system/api.ts';
import { openSystem } from '../../../src/system/index.ts';
import { openScratchFs, type ScratchFs } from '../../support/scratch-fs.ts';
import { callWith, MIB, makeDriver, rejects, volumeId } from '../drivers/driver-rig.ts';

const id = volumeId('held');

describe('a pool that many hosts reach', () => {
  let system: System;
  let fs: ScratchFs;
  let path = '';
  before(() => {
    fs = openScratchFs('ext4', 256n * MIB);
    system = openSystem();
    path = join(fs.path, 'pool');
    mkdirSync(path);
  });
  after(async () => {
    await system.close();
    fs.close();
  });

  /** The same mounts, with one more option on that of the pool. */
  const mountedWith = (option: string): System => ({
    ...system,
    mounts: {
      ...system.mounts,
      find: system.mounts.find,
      list: async () =>
        (await system.mounts.list()).map((entry) =>
          entry.target === dirname(path) ? { ...entry, superOptions: [...entry.superOptions, option] } : entry,
        ),
    },
  });
  const open = async (on: System, scope = 'global'): Promise<ConvoyDriver> =>
    await makeDriver('vfs', { 'vfs.path': path, 'vfs.scope': scope }, on);

  it('is not managed over a mount whose locks are the own host’s', async () => {
    const { storage } = (await open(system)).operations;
    await storage.writeMarker('text', false);
    for (const option of ['nolock', 'local_lock=all', 'local_lock=flock']) {
      const guest = await open(mountedWith(option));
      assert.equal(await guest.operations.storage.readMarker(), 'text');
      await rejects(guest.operations.storage.lock(), 'Unavailable', new RegExp(`vfs\\.path is ${path}.*mounted with ${option}`));
      const local = await open(mountedWith(option), 'local');
      await local.operations.storage.lock();
      await local.close();
    }
    for (const option of ['local_lock=none', 'local_lock=posix']) {
      const driver = await open(mountedWith(option));
      await driver.operations.storage.lock();
      await driver.close();
    }
  });

  it('is not opened over a mount that goes on seeing what has changed', async () => {
    const driver = await open(mountedWith('nocto'));
    await rejects(driver.operations.storage.readMarker(), 'Unavailable', /mounted with nocto/);
    assert.notEqual(await (await open(mountedWith('nocto'), 'local')).operations.storage.readMarker(), undefined);
  });

  it('is asked for nothing but its statfs while its server does not answer', async () => {
    let answers = true;
    const stats: System['files']['stats'] = async (at, options) => {
      if (answers) return await system.files.stats(at, options);
      throw Object.assign(new Error('late'), { code: 'ETIMEDOUT' });
    };
    const driver = await open({ ...system, files: { ...system.files, stats } });
    const { storage } = driver.operations;
    assert.equal(await storage.readMarker(), 'text');
    const fresh = await open({ ...system, files: { ...system.files, stats } });
    answers = false;
    // Whatever else were asked would say that it is not there.
    renameSync(path, `${path}-away`);
    for (const { operations } of [driver, fresh]) {
      await rejects(operations.storage.assertSame(), 'Unavailable', /does not answer.*ETIMEDOUT/);
      await rejects(operations.storage.readMarker(), 'Unavailable', /does not answer.*ETIMEDOUT/);
    }
    renameSync(`${path}-away`, path);
    answers = true;
    for (const { operations } of [driver, fresh]) await operations.storage.assertSame();
  });

  it('says what root needs that a server refuses it', async () => {
    const refusal = Object.assign(new Error('EPERM: operation not permitted, fchownat'), { code: 'EPERM', syscall: 'fchownat' });
    const trees = { ...system.trees, copy: () => Promise.reject(refusal) };
    const driver = await open({ ...system, trees });
    const { volume, clone, storage } = driver.operations;
    await storage.lock();
    await volume.createVolume(id, { sizeBytes: MIB }, callWith());
    const copy = clone?.cloneVolume(volumeId('copy'), id, { sizeBytes: MIB, consistency: 'files' }, callWith());
    await rejects(copy ?? Promise.resolve(), 'Precondition', /EPERM, fchownat.*no_root_squash/);
    assert.deepEqual(readdirSync(join(path, 'volumes')), [id], 'nothing is left of it');
    await driver.close();
  });
});
