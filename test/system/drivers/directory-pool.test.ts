import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { callWith, type DriverRig, MIB, makeDriver, openRig, rejects, snapshotId, volumeId } from './driver-rig.ts';

describe('a pool in a directory', () => {
  let rig: DriverRig;
  before(async () => {
    rig = await openRig('vfs', 'ext4', 256n * MIB);
  });
  after(async () => await rig.close());

  const another = async (path: string, more: Readonly<Record<string, string>> = {}) =>
    await makeDriver('vfs', { 'vfs.path': path, ...more }, rig.system);
  const fresh = (name: string): string => {
    const path = join(rig.fs.path, name);
    mkdirSync(path);
    return path;
  };

  it('is unavailable while its directory is absent or no directory', async () => {
    const path = join(rig.fs.path, 'later');
    const driver = await another(path);
    await rejects(driver.operations.storage.readMarker(), 'Unavailable', /later/);
    writeFileSync(path, '');
    await rejects(driver.operations.storage.readMarker(), 'Unavailable', /not a directory/);
    rmSync(path);
    mkdirSync(path);
    assert.equal(await driver.operations.storage.readMarker(), undefined);
    await driver.close();
  });

  it('is refused when a link leads to it, with the name to configure', async () => {
    const path = fresh('real');
    symlinkSync(path, join(rig.fs.path, 'link'));
    const driver = await another(join(rig.fs.path, 'link'));
    await rejects(driver.operations.storage.readMarker(), 'InvalidArgument', new RegExp(`configure ${path}`));
  });

  it('is unavailable where nothing is mounted, if a mount is required', async () => {
    const inside = await another(rig.path, { 'vfs.requiremount': 'true' });
    await rejects(inside.operations.storage.readMarker(), 'Unavailable', /mount/);
    const mounted = await another(rig.fs.path, { 'vfs.requiremount': 'true' });
    assert.equal(await mounted.operations.storage.readMarker(), undefined);
  });

  it('is unavailable from the moment that a disk is mounted over it', async () => {
    const path = fresh('covered');
    const driver = await another(path);
    await driver.operations.storage.writeMarker('text', false);
    await driver.operations.records.writeRecord('volume', volumeId('a'), '{}');
    execFileSync('mount', ['-t', 'tmpfs', 'none', path]);
    try {
      await rejects(driver.operations.storage.assertSame(), 'Unavailable');
      await rejects(driver.operations.storage.readMarker(), 'Unavailable');
      await rejects(driver.operations.records.readRecord('volume', volumeId('b')), 'Unavailable');
      await rejects(driver.operations.records.listRecords('volume'), 'Unavailable');
      await rejects(driver.operations.volume.getVolumeInfo(volumeId('b')), 'Unavailable');
      await rejects(driver.operations.volume.deleteVolume(volumeId('a'), { referenceOnly: false }, callWith()), 'Unavailable');
    } finally {
      execFileSync('umount', [path]);
    }
    await driver.operations.storage.assertSame();
  });

  it('is unavailable when its marker is gone', async () => {
    const path = fresh('unmarked');
    const driver = await another(path);
    await driver.operations.storage.writeMarker('text', false);
    renameSync(join(path, '.convoy-pool.json'), join(path, 'moved'));
    await rejects(driver.operations.storage.assertSame(), 'Unavailable', /marker/);
    await rejects(driver.operations.volume.createVolume(volumeId('a'), { sizeBytes: MIB }, callWith()), 'Unavailable');
  });

  it('on a read-only file system is unavailable, and says what to do', async () => {
    await rig.driver.close(); // the locked marker is open for writing
    execFileSync('mount', ['-o', 'remount,ro', rig.fs.path]);
    try {
      const driver = await another(rig.path);
      await rejects(driver.operations.storage.readMarker(), 'Unavailable', /read-only/);
      await rejects(rig.operations.records.writeRecord('volume', volumeId('ro'), '{}'), 'Unavailable', /read-only/);
      assert.equal((await rig.operations.health.storageHealth())[0]?.reason, 'ReadOnlyFileSystem');
    } finally {
      execFileSync('mount', ['-o', 'remount,rw', rig.fs.path]);
    }
    await rig.operations.storage.lock();
    assert.deepEqual(await rig.operations.health.storageHealth(), []);
  });

  it('is empty with lost+found, or what a killed writing of the marker left, and with nothing else', async () => {
    const top = await another(rig.fs.path);
    assert.equal(await top.operations.storage.isEmpty(), false);
    const path = fresh('empty');
    mkdirSync(join(path, 'lost+found'));
    mkdirSync(join(path, 'volumes'));
    writeFileSync(join(path, '.convoy-pool.json.0123456789ab.new'), 'half');
    const driver = await another(path);
    assert.equal(await driver.operations.storage.isEmpty(), true);
    mkdirSync(join(path, 'volumes', 'foreign'));
    assert.equal(await driver.operations.storage.isEmpty(), false);
  });

  it('gets its marker once, and another one only by replacing it', async () => {
    const { storage } = (await another(fresh('marked'))).operations;
    await storage.writeMarker('first', false);
    await rejects(storage.writeMarker('second', false), 'AlreadyExists');
    assert.equal(await storage.readMarker(), 'first');
    await storage.writeMarker('second', true);
    assert.equal(await storage.readMarker(), 'second');
  });

  it('is managed by one process at a time, also while its marker is replaced', async () => {
    const path = fresh('locked');
    const [one, two] = [await another(path), await another(path)];
    await one.operations.storage.writeMarker('text', false);
    await one.operations.storage.lock();
    await one.operations.storage.lock();
    await rejects(two.operations.storage.lock(), 'Busy', /another convoy process/);
    await rejects(two.operations.storage.writeMarker('mine', true), 'Busy');
    await one.operations.storage.writeMarker('again', true);
    await one.operations.storage.assertSame();
    await rejects(two.operations.storage.lock(), 'Busy');
    await one.close();
    await two.operations.storage.lock();
    assert.equal(await two.operations.storage.readMarker(), 'again');
    await two.close();
  });

  it('that a stranger gave another marker is unavailable to who locked it', async () => {
    const path = fresh('robbed');
    const driver = await another(path);
    await driver.operations.storage.writeMarker('text', false);
    await driver.operations.storage.lock();
    writeFileSync(join(path, 'other'), 'other');
    renameSync(join(path, 'other'), join(path, '.convoy-pool.json'));
    await rejects(driver.operations.storage.assertSame(), 'Unavailable', /replaced/);
    await driver.close();
  });

  it('keeps records beside their objects, and removes them with their place', async () => {
    const { records } = rig.operations;
    const id = volumeId('record');
    assert.equal(await records.readRecord('volume', id), undefined);
    await records.writeRecord('volume', id, 'Ünïcode');
    await records.writeRecord('volume', id, 'Ünïcode 2');
    assert.equal(await records.readRecord('volume', id), 'Ünïcode 2');
    assert.deepEqual(await records.listRecords('volume'), [id]);
    assert.deepEqual(await records.listRecords('snapshot'), []);
    await records.removeRecord('volume', id);
    await records.removeRecord('volume', id);
    assert.equal(existsSync(join(rig.path, 'volumes', id)), false);
  });

  it('never removes a record beside data', async () => {
    const { records, volume } = rig.operations;
    const id = volumeId('kept');
    await records.writeRecord('volume', id, 'text');
    await volume.createVolume(id, { sizeBytes: MIB }, callWith());
    await rejects(records.removeRecord('volume', id), 'Precondition', /data/);
    assert.equal(await records.readRecord('volume', id), 'text');
    await volume.deleteVolume(id, { referenceOnly: false }, callWith());
    await records.removeRecord('volume', id);
    assert.deepEqual(readdirSync(join(rig.path, 'volumes')), []);
  });

  it('takes no link, no directory and no bytes for a record', async () => {
    const { records } = rig.operations;
    const id = volumeId('odd');
    const path = join(rig.path, 'volumes', id, 'record.json');
    mkdirSync(join(rig.path, 'volumes', id));
    symlinkSync('/etc/hostname', path);
    await rejects(records.readRecord('volume', id), 'DataLoss');
    rmSync(path);
    mkdirSync(path);
    await rejects(records.readRecord('volume', id), 'DataLoss');
    rmSync(path, { recursive: true });
    writeFileSync(path, Buffer.from([0xff, 0xfe]));
    await rejects(records.readRecord('volume', id), 'DataLoss');
    await records.removeRecord('volume', id);
  });

  it('ignores what is not its own', async () => {
    const { records, trash, volume } = rig.operations;
    const id = volumeId('own');
    await volume.createVolume(id, { sizeBytes: MIB }, callWith());
    for (const name of ['foreign', '.hidden', id.toUpperCase()]) mkdirSync(join(rig.path, 'volumes', name));
    writeFileSync(join(rig.path, 'volumes', volumeId('file')), '');
    mkdirSync(join(rig.path, 'trash', 'foreign'));
    assert.deepEqual(await records.listRecords('volume'), [id]);
    assert.deepEqual(await volume.listVolume(), [id]);
    assert.deepEqual(await trash.listTrash(), []);
    await volume.deleteVolume(id, { referenceOnly: false }, callWith());
    for (const name of ['foreign', '.hidden', id.toUpperCase(), volumeId('file')])
      rmSync(join(rig.path, 'volumes', name), { recursive: true });
    rmSync(join(rig.path, 'trash', 'foreign'), { recursive: true });
  });

  it('says that a missing folder is damage, not that there are no volumes', async () => {
    renameSync(join(rig.path, 'volumes'), join(rig.path, 'away'));
    try {
      await rejects(rig.operations.records.listRecords('volume'), 'DataLoss', /volumes is missing/);
      await rejects(rig.operations.volume.listVolume(), 'DataLoss');
    } finally {
      renameSync(join(rig.path, 'away'), join(rig.path, 'volumes'));
    }
    renameSync(join(rig.path, 'trash'), join(rig.path, 'away'));
    try {
      await rejects(rig.operations.trash.discard('volume', volumeId('none')), 'DataLoss', /trash is missing/);
    } finally {
      renameSync(join(rig.path, 'away'), join(rig.path, 'trash'));
    }
  });

  it('touches nothing for an id that is none', async () => {
    const { records, trash, volume, snapshot, access } = rig.operations;
    for (const id of ['../..', '..', '', 'config', snapshotId('x')] as never[]) {
      await rejects(records.writeRecord('volume', id, ''), 'NotFound');
      await rejects(records.removeRecord('volume', id), 'NotFound');
      await rejects(trash.discard('volume', id), 'NotFound');
      await rejects(volume.createVolume(id, { sizeBytes: MIB }, callWith()), 'NotFound');
      await rejects(volume.deleteVolume(id, { referenceOnly: false }, callWith()), 'NotFound');
      await rejects(access.openAccess(id, { readOnly: false, raw: false }), 'NotFound');
    }
    for (const id of ['../..', volumeId('x')] as never[]) await rejects(snapshot.deleteSnapshot(id, volumeId('x'), callWith()), 'NotFound');
    assert.deepEqual(readdirSync(rig.path).sort(), ['.convoy-pool.json', 'import', 'snapshots', 'trash', 'volumes']);
  });

  it('moves objects with their records into the trash, back, and out of the world', async () => {
    const { records, trash, volume } = rig.operations;
    const id = volumeId('trash');
    assert.equal(await trash.discard('volume', id), undefined);
    const make = async (text: string): Promise<void> => {
      await records.writeRecord('volume', id, text);
      await volume.createVolume(id, { sizeBytes: MIB }, callWith());
      writeFileSync(join(rig.path, 'volumes', id, 'data', 'file'), text);
    };
    await make('first');
    const first = await trash.discard('volume', id);
    assert.ok(first !== undefined);
    assert.equal(await records.readRecord('volume', id), undefined);
    await rejects(volume.getVolumeInfo(id), 'NotFound');
    assert.equal(await trash.readTrashRecord(first), 'first');
    await make('second');
    await rejects(trash.undiscard(first), 'AlreadyExists');
    const second = await trash.discard('volume', id);
    assert.ok(second !== undefined);
    assert.deepEqual(
      (await trash.listTrash()).map(({ entry }) => entry),
      [first.entry, second.entry].sort(),
    );
    await trash.undiscard(first);
    assert.equal(await records.readRecord('volume', id), 'first');
    assert.equal(readFileSync(join(rig.path, 'volumes', id, 'data', 'file'), 'utf8'), 'first');
    await rejects(trash.undiscard(first), 'NotFound');
    await trash.discard('volume', id);
    for (const entry of await trash.listTrash()) {
      await trash.purge(entry, callWith());
      await trash.purge(entry, callWith());
    }
    assert.deepEqual(readdirSync(join(rig.path, 'trash')), []);
  });

  it('brings nothing back whose destruction has begun', async () => {
    const { records, trash, volume } = rig.operations;
    const id = volumeId('half');
    await records.writeRecord('volume', id, 'text');
    await volume.createVolume(id, { sizeBytes: MIB }, callWith());
    const entry = await trash.discard('volume', id);
    assert.ok(entry !== undefined);
    await rejects(trash.purge(entry, callWith(AbortSignal.abort())), 'Cancelled');
    await rejects(trash.undiscard(entry), 'Precondition', /for good/);
    assert.equal(await trash.readTrashRecord(entry), 'text');
    await trash.purge(entry, callWith());
    assert.deepEqual(readdirSync(join(rig.path, 'trash')), []);
    await rejects(trash.undiscard(entry), 'NotFound');
  });

  it('discards and destroys nothing that something is mounted in', async () => {
    const { trash, volume } = rig.operations;
    const id = volumeId('mounted');
    await volume.createVolume(id, { sizeBytes: MIB }, callWith());
    const target = join(rig.path, 'volumes', id, 'data', 'sub');
    mkdirSync(target);
    writeFileSync(join(rig.path, 'volumes', id, 'data', 'file'), 'x');
    execFileSync('mount', ['-t', 'tmpfs', 'none', target]);
    try {
      await rejects(trash.discard('volume', id), 'InUse', /sub/);
      await rejects(volume.deleteVolume(id, { referenceOnly: false }, callWith()), 'InUse', /sub/);
      await rejects(volume.deleteVolume(id, { referenceOnly: true }, callWith()), 'InUse', /sub/);
    } finally {
      execFileSync('umount', [target]);
    }
    assert.equal(readFileSync(join(rig.path, 'volumes', id, 'data', 'file'), 'utf8'), 'x');
    await volume.deleteVolume(id, { referenceOnly: false }, callWith());
  });
});
