import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { LocalDriver } from '../../../src/drivers/local/local-driver.ts';
import { openSystem, type System } from '../../../src/system/index.ts';

describe("Docker's local driver on plain directories", () => {
  let root: string;
  let system: System;
  let driver: LocalDriver;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'convoy-local-'));
    mkdirSync(join(root, 'volumes'));
    system = openSystem();
    driver = new LocalDriver(system, root);
  });
  afterEach(async () => {
    await system.close();
    rmSync(root, { recursive: true });
  });

  it("a volume is where Docker's would be, and making it again gives the same", async () => {
    const made = await driver.create('data', {});
    assert.equal(made.path(), join(root, 'volumes/data/_data'));
    writeFileSync(join(made.path(), 'file'), 'kept');
    const again = await driver.create('data', {});
    assert.equal(readFileSync(join(again.path(), 'file'), 'utf8'), 'kept');
    assert.deepEqual(
      [again.name(), again.driverName(), again.scope(), again.labels(), again.options()],
      ['data', 'local', 'local', {}, {}],
    );
    assert.deepEqual(await again.createdAt(), await made.createdAt());
    assert.deepEqual(
      (await driver.list()).map((volume) => volume.name()),
      ['data'],
    );
  });

  it('ten creates of one name at once make one volume', async () => {
    await Promise.all(Array.from({ length: 10 }, () => driver.create('same', {})));
    assert.deepEqual(readdirSync(join(root, 'volumes')), ['same']);
  });

  it('other options for the same name are refused and change nothing', async () => {
    await driver.create('data', { type: 'tmpfs', device: 'tmpfs' });
    const before = readFileSync(join(root, 'volumes/data/opts.json'), 'utf8');
    await assert.rejects(driver.create('data', {}), { code: 'AlreadyExists' });
    await assert.rejects(driver.create('data', { type: 'tmpfs', device: 'tmpfs', o: 'ro' }), { code: 'AlreadyExists' });
    assert.equal(readFileSync(join(root, 'volumes/data/opts.json'), 'utf8'), before);
  });

  it('names that Docker refuses touch nothing', async () => {
    for (const name of ['', 'x', '../../etc', '.new-data', '-rf', 'a/b', 'a\0b', 'a\n', '💾💾', '__proto__', 'n'.repeat(241)]) {
      await assert.rejects(driver.create(name, {}), { code: 'InvalidArgument' });
      await assert.rejects(driver.get(name), { code: 'NotFound' });
      await driver.remove({ ...fakeName(name) });
    }
    assert.deepEqual(readdirSync(join(root, 'volumes')), []);
  });

  it('a create that was cut short is finished by the next, and a removal too', async () => {
    mkdirSync(join(root, 'volumes/.new-data/_data/half'), { recursive: true });
    assert.deepEqual(await driver.list(), []);
    const made = await driver.create('data', {});
    assert.deepEqual(readdirSync(made.path()), []);
    mkdirSync(join(root, 'volumes/.gone-data/_data/half'), { recursive: true });
    await driver.remove(made);
    await driver.remove(made);
    assert.deepEqual(readdirSync(join(root, 'volumes')), []);
  });

  it('left-overs are cleared, volumes stay', async () => {
    await driver.create('data', {});
    mkdirSync(join(root, 'volumes/.new-other/_data'), { recursive: true });
    mkdirSync(join(root, 'volumes/.gone-more/_data'), { recursive: true });
    await driver.clearLeftovers();
    assert.deepEqual(readdirSync(join(root, 'volumes')), ['data']);
  });

  it('a used volume is not removed; the last caller releases it, also after a restart', async () => {
    const volume = await driver.create('data', {});
    await volume.mount('one');
    await volume.mount('one');
    assert.equal(await volume.mount('two'), volume.path());
    const restarted = new LocalDriver(system, root);
    await (await restarted.get('data')).unmount('one');
    await assert.rejects(restarted.remove(volume), { code: 'InUse', message: /two/ });
    await (await restarted.get('data')).unmount('nobody');
    await (await restarted.get('data')).unmount('two');
    await restarted.remove(volume);
    assert.ok(!existsSync(join(root, 'volumes/data')));
  });

  it('a missing layout is Unavailable, never an empty driver', async () => {
    rmSync(join(root, 'volumes'), { recursive: true });
    await assert.rejects(driver.list(), { code: 'Unavailable' });
    await assert.rejects(driver.get('data'), { code: 'Unavailable' });
    await assert.rejects(driver.create('data', {}), { code: 'Unavailable' });
    assert.deepEqual(readdirSync(root), []);
  });

  it('a damaged opts.json harms its own volume only', async () => {
    await driver.create('good', {});
    await driver.create('bad1', { type: 'tmpfs', device: 'tmpfs' });
    writeFileSync(join(root, 'volumes/bad1/opts.json'), '{');
    assert.equal((await driver.list()).length, 2);
    const bad = await driver.get('bad1');
    await assert.rejects(bad.mount('x'), { code: 'DataLoss' });
    await assert.rejects(driver.create('bad1', {}), { code: 'DataLoss' });
    await (await driver.get('good')).mount('x');
  });
});

const fakeName = (name: string) => ({
  name: () => name,
  driverName: () => 'local',
  path: () => '',
  mount: async () => '',
  unmount: async () => {},
  createdAt: async () => new Date(0),
  status: () => ({}),
});
