import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { CallContext, ConvoyDriver } from '../../src/convoy/contract.ts';
import { localId } from '../../src/convoy/ids.ts';
import { DriverRegistry } from '../../src/convoy/registry.ts';
import { registerAll } from '../../src/drivers/all.ts';
import { makeMounter } from '../../src/publish/mounter.ts';
import { openSystem, type System } from '../../src/system/index.ts';
import { volumeDriverFromConvoy } from '../../src/volume/volume-driver-from-convoy.ts';
import { openScratchFs, type ScratchFs } from '../support/scratch-fs.ts';

const call: CallContext = { signal: new AbortController().signal, secrets: {}, progress: () => {} };
const MIB = 1n << 20n;

let fs: ScratchFs;
let directory: string;
let system: System;
before(() => {
  fs = openScratchFs('ext4', 512n * MIB);
  directory = mkdtempSync(join(tmpdir(), 'convoy-adapters-'));
  system = openSystem();
});
after(async () => {
  await system.close();
  fs.close();
  rmSync(directory, { recursive: true });
});

async function openDriver(name: string, path: string, options: Readonly<Record<string, string>> = {}): Promise<ConvoyDriver> {
  mkdirSync(path, { recursive: true });
  const registry = new DriverRegistry();
  registerAll(registry);
  const log = { info: () => {}, warn: () => {} };
  const driver = await registry
    .get(name)
    .init(directory, { [`${name}.path`]: path, ...options }, { system, mounter: makeMounter(system), log });
  const { storage } = driver.operations;
  if ((await storage.readMarker()) === undefined) await storage.writeMarker('a test', false);
  await storage.lock();
  return driver;
}

const mounted = async (path: string): Promise<boolean> => (await system.mounts.find(path)) !== undefined;

describe("Docker's local driver as a ConvoyDriver, with a mount of its own", () => {
  const id = localId('volume', 'tmpfs');

  it('mounts with the first use, keeps it while it is bound, and unmounts after the last', async () => {
    const path = join(fs.path, 'local');
    const driver = await openDriver('local', path, { 'local.type': 'tmpfs', 'local.device': 'tmpfs', 'local.o': 'size=1m' });
    const data = join(path, 'volumes', id, '_data');
    await driver.volumeOps().createVolume(id, { sizeBytes: MIB }, call);
    const targets = ['one', 'two'].map((name) => join(directory, name));
    for (const target of targets) {
      mkdirSync(target);
      await driver.volumeOps().mountVolume(id, { mountPoint: target, readOnly: false, flags: [] }, call);
    }
    writeFileSync(join(targets[0] ?? '', 'file'), 'shared');
    assert.equal(readFileSync(join(targets[1] ?? '', 'file'), 'utf8'), 'shared');
    assert.ok(await mounted(data));
    await driver.close();
    // A new process: it remembers nothing, the mount table does.
    const restarted = await openDriver('local', path, { 'local.type': 'tmpfs', 'local.device': 'tmpfs', 'local.o': 'size=1m' });
    await restarted.volumeOps().umountVolume(id, targets[0] ?? '', call);
    await restarted.operations.access.releaseUnused(id, new Set());
    assert.ok(await mounted(data), 'the other target still shows it');
    await restarted.volumeOps().umountVolume(id, targets[1] ?? '', call);
    await restarted.operations.access.releaseUnused(id, new Set());
    assert.ok(!(await mounted(data)));
    await restarted.volumeOps().deleteVolume(id, { referenceOnly: false }, call);
    assert.deepEqual(readdirSync(join(path, 'volumes')), []);
    await restarted.close();
  });

  it('a device that cannot be mounted is Unavailable, and its options are not in the message', async () => {
    const driver = await openDriver('local', join(fs.path, 'broken'));
    await driver
      .volumeOps()
      .createVolume(id, { sizeBytes: MIB, driverParameters: { type: 'ext4', device: '/dev/null', o: 'password=secret' } }, call);
    await assert.rejects(
      driver.operations.access.openAccess(id, { readOnly: false, raw: false }),
      (error: Error) => /mounting volume/.test(error.message) && !/secret/.test(error.message),
    );
    await driver.volumeOps().deleteVolume(id, { referenceOnly: false }, call);
    await driver.close();
  });

  it('a second process is told that the pool is managed already', async () => {
    const path = join(fs.path, 'locked');
    const driver = await openDriver('local', path);
    await assert.rejects(openDriver('local', path), { code: 'Busy' });
    await driver.close();
    await (await openDriver('local', path)).close();
  });
});

for (const name of ['vfs', 'loop', 'local'])
  describe(`driver ${name} offered to a Docker engine`, () => {
    it('makes, mounts per caller, and removes volumes with any name', async () => {
      const driver = await openDriver(name, join(fs.path, `docker-${name}`));
      const mountRoot = join(directory, `mounts-${name}`);
      mkdirSync(mountRoot);
      const docker = volumeDriverFromConvoy(driver, { system, mountRoot });
      assert.deepEqual([docker.name(), docker.scope()], [name, 'local']);
      const volume = await docker.create('../../my data 🐋', { Size: '32Mi' });
      assert.equal((await docker.create('../../my data 🐋', { Size: '32M' })).name(), volume.name());
      await assert.rejects(docker.create('../../my data 🐋', { Size: '64Mi' }), { code: 'AlreadyExists' });
      await assert.rejects(docker.create('x', { size: '1' }), { code: 'InvalidArgument' });
      const path = await volume.mount('one');
      assert.equal(await volume.mount('two'), path);
      await volume.mount('two');
      writeFileSync(join(path, 'file'), 'kept');
      await assert.rejects(docker.remove(volume), { code: 'InUse' });
      await volume.unmount('one');
      // A new process.
      const restarted = volumeDriverFromConvoy(driver, { system, mountRoot });
      const found = await restarted.get('../../my data 🐋');
      assert.ok(await mounted(path));
      await found.unmount('two');
      assert.ok(!(await mounted(path)));
      assert.equal(readFileSync(join(await found.mount('three'), 'file'), 'utf8'), 'kept');
      await found.unmount('three');
      assert.deepEqual(
        (await restarted.list()).map((each) => each.name()),
        ['../../my data 🐋'],
      );
      await restarted.remove(found);
      await restarted.remove(found);
      assert.deepEqual(await restarted.list(), []);
      assert.deepEqual(await driver.operations.records.listRecords('volume'), []);
      assert.deepEqual(readdirSync(mountRoot), []);
      await driver.close();
    });

    it('one damaged record harms one volume', async () => {
      const driver = await openDriver(name, join(fs.path, `damaged-${name}`));
      const mountRoot = join(directory, `damaged-${name}`);
      mkdirSync(mountRoot);
      const docker = volumeDriverFromConvoy(driver, { system, mountRoot });
      for (const each of ['good', 'bad']) await docker.create(each, { Size: '16Mi' });
      await driver.operations.records.writeRecord('volume', localId('volume', 'bad'), '{');
      assert.deepEqual(
        (await docker.list()).map((each) => each.name()),
        ['good'],
      );
      await assert.rejects(docker.get('bad'), { code: 'DataLoss' });
      await assert.rejects(docker.remove(await docker.get('good').then((good) => ({ ...good, name: () => 'bad' }))), { code: 'DataLoss' });
      assert.ok(existsSync(mountRoot));
      await driver.close();
    });
  });
