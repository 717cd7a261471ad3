import assert from 'node:assert/strict';
import { mkdir, open, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { CAP_SYS_RESOURCE, hasCapability } from '../../../src/system/capability.ts';
import type { Scratch } from './scratch-pool.ts';
import { blockCapability, call, mountCapability, openScratch } from './scratch-pool.ts';

const hasCode =
  (code: string, text?: RegExp) =>
  (error: unknown): boolean => {
    assert.equal((error as { code?: string }).code, code, String(error));
    if (text !== undefined) assert.match((error as Error).message, text);
    return true;
  };

async function stagingPath({ dir }: Scratch, name = 'one'): Promise<string> {
  const path = join(dir, 'staging', name);
  await mkdir(path, { recursive: true });
  return path;
}

const stageAt = (scratch: Scratch, volumeId: string, path: string, capability = mountCapability()): Promise<void> =>
  scratch.node.stage({ volumeId, stagingPath: path, capability }, call());

/** Puts bytes into the image while nothing has it open. */
async function writeInto(image: string, bytes: Buffer, position: number): Promise<void> {
  const file = await open(image, 'r+');
  await file.write(bytes, 0, bytes.length, position);
  await file.close();
}

for (const fsType of ['ext4', 'xfs'] as const) {
  test(`a blank device is formatted as ${fsType}, mounted, and the same call again is fine`, async () => {
    await using scratch = await openScratch();
    const path = await stagingPath(scratch);
    const id = await scratch.pool.create('fresh', 'device', { sizeBytes: 320n << 20n });
    await stageAt(scratch, id, path, mountCapability(fsType));
    await stageAt(scratch, id, path, mountCapability(fsType));
    const mount = await scratch.system.mounts.find(path);
    assert.equal(mount?.fsType, fsType);
    assert.equal((await scratch.system.mounts.list()).filter((entry) => entry.target === path).length, 1);
    assert.equal((await scratch.pool.state(id)).gate, 'formatted');
    await scratch.node.unstage(id, path, call());
    await scratch.node.unstage(id, path, call());
    assert.equal(await scratch.system.mounts.find(path), undefined);
    assert.deepEqual(await scratch.system.loops.findByBacking(scratch.pool.image(id)), []);
  });
}

test('staged on other terms is AlreadyExists', async () => {
  await using scratch = await openScratch();
  const path = await stagingPath(scratch);
  const id = await scratch.pool.create('terms', 'device');
  await stageAt(scratch, id, path, mountCapability('ext4'));
  await assert.rejects(stageAt(scratch, id, path, mountCapability('xfs')), hasCode('AlreadyExists'));
  await assert.rejects(stageAt(scratch, id, path, mountCapability('ext4', 'SINGLE_NODE_WRITER', ['noatime'])), hasCode('AlreadyExists'));
  await assert.rejects(stageAt(scratch, id, path, blockCapability()), hasCode('AlreadyExists'));
});

test('a device whose record says formatted is never formatted again when it is found blank', async () => {
  await using scratch = await openScratch();
  const path = await stagingPath(scratch);
  const id = await scratch.pool.create('lost', 'device', { gate: 'formatted', formattedAs: 'ext4' });
  await assert.rejects(stageAt(scratch, id, path), hasCode('DataLoss', /blank/));
  const image = await readFile(scratch.pool.image(id));
  assert.ok(image.equals(Buffer.alloc(image.length)));
  assert.equal(await scratch.system.mounts.find(path), undefined);
  assert.deepEqual((await scratch.records.read(id)).places, []);
});

test('a blank device that may not be formatted is refused', async () => {
  await using scratch = await openScratch();
  const id = await scratch.pool.create('never', 'device', { gate: 'never' });
  await assert.rejects(stageAt(scratch, id, await stagingPath(scratch)), hasCode('Precondition', /never formatted/));
});

for (const [what, bytes, position] of [
  ['a LUKS header', Buffer.concat([Buffer.from('LUKS\xba\xbe', 'latin1'), Buffer.from([0, 1]), Buffer.alloc(600)]), 0],
  ['bytes that nobody knows', Buffer.from('not a file system at all'), 4096],
  ['bytes at the very end', Buffer.from('the last words'), (64 << 20) - 512],
] as const) {
  test(`a device that holds ${what} is refused and left as it is`, async () => {
    await using scratch = await openScratch();
    const id = await scratch.pool.create('foreign', 'device');
    await writeInto(scratch.pool.image(id), bytes, position);
    const before = await readFile(scratch.pool.image(id));
    await assert.rejects(stageAt(scratch, id, await stagingPath(scratch)), hasCode('Precondition', /holds/));
    assert.ok(before.equals(await readFile(scratch.pool.image(id))));
    assert.equal((await scratch.pool.state(id)).gate, 'blank');
  });
}

test('an interrupted mkfs is begun again, over whatever it left', async () => {
  await using scratch = await openScratch();
  const path = await stagingPath(scratch);
  const id = await scratch.pool.create('half', 'device', { gate: 'formatting' });
  await writeInto(scratch.pool.image(id), Buffer.alloc(8192, 0xa5), 1 << 20);
  await stageAt(scratch, id, path, mountCapability('ext4'));
  assert.equal((await scratch.pool.state(id)).gate, 'formatted');
});

test('a device in `formatting` that now holds something foreign is left alone', async () => {
  await using scratch = await openScratch();
  const id = await scratch.pool.create('stolen', 'device', { gate: 'formatting' });
  await writeInto(
    scratch.pool.image(id),
    Buffer.concat([Buffer.from('LUKS\xba\xbe', 'latin1'), Buffer.from([0, 1]), Buffer.alloc(600)]),
    0,
  );
  await assert.rejects(stageAt(scratch, id, await stagingPath(scratch)), hasCode('Precondition', /not ours/));
});

test('a file system of another type than asked is refused, by what the record and by what the device says', async () => {
  await using scratch = await openScratch();
  const path = await stagingPath(scratch);
  const id = await scratch.pool.create('other', 'device', { sizeBytes: 320n << 20n });
  await stageAt(scratch, id, path, mountCapability('ext4'));
  await scratch.node.unstage(id, path, call());
  await assert.rejects(stageAt(scratch, id, path, mountCapability('xfs')), hasCode('Precondition', /ext4/));
  await scratch.pool.setState(id, { kind: 'device', sizeBytes: String(320n << 20n), gate: 'blank' });
  await assert.rejects(stageAt(scratch, id, path, mountCapability('xfs')), hasCode('Precondition', /type ext4/));
});

test('an xfs clone is mounted beside its source', async () => {
  await using scratch = await openScratch();
  const [one, two] = [await stagingPath(scratch, 'one'), await stagingPath(scratch, 'two')];
  const source = await scratch.pool.create('source', 'device', { sizeBytes: 320n << 20n });
  const clone = await scratch.pool.create('clone', 'device', { sizeBytes: 320n << 20n, gate: 'formatted', formattedAs: 'xfs' });
  await stageAt(scratch, source, one, mountCapability('xfs'));
  await writeFile(join(one, 'file'), 'data');
  await scratch.system.mounts.syncfs(one);
  await rm(scratch.pool.image(clone));
  await scratch.system.files.copySparse(scratch.pool.image(source), scratch.pool.image(clone), {});
  await stageAt(scratch, clone, two, mountCapability('xfs'));
  assert.equal(await readFile(join(two, 'file'), 'utf8'), 'data');
});

for (const fsType of ['ext4', 'xfs'] as const) {
  test(`an ${fsType} volume that was enlarged offline is grown when it is staged, and online when it is expanded`, async () => {
    await using scratch = await openScratch();
    const path = await stagingPath(scratch);
    const id = await scratch.pool.create('grow', 'device', { sizeBytes: 320n << 20n });
    await stageAt(scratch, id, path, mountCapability(fsType));
    await scratch.node.unstage(id, path, call());
    await scratch.pool.grow(id, 640n << 20n);
    await stageAt(scratch, id, path, mountCapability(fsType));
    const offline = (await scratch.node.stats(id, path)).bytes.total;
    assert.ok(offline > 500n << 20n, String(offline));
    await scratch.pool.grow(id, 960n << 20n);
    await assert.rejects(scratch.node.expand(id, path, { requiredBytes: 2n << 30n }, call()), hasCode('OutOfRange'));
    if (fsType === 'ext4' && !hasCapability(CAP_SYS_RESOURCE)) {
      await assert.rejects(scratch.node.expand(id, path, {}, call()), hasCode('Precondition', /CAP_SYS_RESOURCE/));
      return;
    }
    for (let round = 0; round < 2; round++)
      assert.equal(await scratch.node.expand(id, path, { requiredBytes: 960n << 20n }, call()), 960n << 20n);
    assert.ok((await scratch.node.stats(id, path)).bytes.total > 800n << 20n);
  });
}

test('a staging path that is a link, leads through one, is missing, relative or inside the pool is refused', async () => {
  await using scratch = await openScratch();
  const id = await scratch.pool.create('links', 'directory');
  const real = await stagingPath(scratch);
  await symlink(real, join(scratch.dir, 'staging', 'link'));
  await symlink(join(scratch.dir, 'staging'), join(scratch.dir, 'way'));
  for (const path of [
    join(scratch.dir, 'staging', 'link'),
    join(scratch.dir, 'way', 'one'),
    join(scratch.dir, 'staging', 'missing'),
    'staging/one',
    join(scratch.dir, 'pool', 'x'),
    `${real}/../one`,
  ])
    await assert.rejects(stageAt(scratch, id, path), hasCode('InvalidArgument'), path);
});

test('mount flags that change what is mounted are refused without being named, and a directory takes only per-mount ones', async () => {
  await using scratch = await openScratch();
  const path = await stagingPath(scratch);
  const id = await scratch.pool.create('flags', 'directory');
  const withFlags = (...flags: string[]): Promise<void> => stageAt(scratch, id, path, mountCapability('', 'SINGLE_NODE_WRITER', flags));
  for (const flag of ['bind', 'noatime,bind', 'loop=/dev/loop0', 'x-mount.mkdir', 'data=ordered']) {
    await assert.rejects(withFlags(flag), (error: Error) => hasCode('InvalidArgument')(error) && !error.message.includes(flag));
  }
  await withFlags('noatime', 'nosuid');
  assert.ok((await scratch.system.mounts.find(path))?.options.includes('noatime'));
});

test('a mount flag that the file system does not know is the request that is wrong: it is not named, and nothing stays mounted', async () => {
  await using scratch = await openScratch();
  const path = await stagingPath(scratch);
  const id = await scratch.pool.create('typo', 'device');
  const typo = mountCapability('ext4', 'SINGLE_NODE_WRITER', ['dta=ordered']);
  await assert.rejects(stageAt(scratch, id, path, typo), (error: Error) => {
    assert.ok(!error.message.includes('dta'), error.message);
    return hasCode('InvalidArgument', /mountOptions/)(error);
  });
  assert.equal(await scratch.system.mounts.find(path), undefined);
  await stageAt(scratch, id, path, mountCapability('ext4', 'SINGLE_NODE_WRITER', ['data=ordered']));
});

test('a read-only mount beside a read-write one of the same device refuses writes and leaves the other writable', async () => {
  await using scratch = await openScratch();
  const path = await stagingPath(scratch);
  const beside = await stagingPath(scratch, 'beside');
  const id = await scratch.pool.create('beside', 'device');
  await stageAt(scratch, id, path);
  assert.equal(await scratch.node.mount(id, beside, { readOnly: true }, call()), beside);
  await assert.rejects(writeFile(join(beside, 'x'), ''), hasCode('EROFS'));
  await writeFile(join(path, 'x'), '');
  await scratch.node.umount(id, beside, call());
  assert.equal(await scratch.system.mounts.find(beside), undefined);
});

test('a volume that is mounted from another device of its own is not mounted a second time', async () => {
  await using scratch = await openScratch();
  const path = await stagingPath(scratch);
  const other = await stagingPath(scratch, 'other');
  const id = await scratch.pool.create('twice', 'device');
  await stageAt(scratch, id, path);
  await scratch.node.unstage(id, path, call());
  const loop = await scratch.system.loops.attach(scratch.pool.image(id), { readOnly: false, autoclear: false });
  await scratch.system.mounts.mount({ source: loop.path, target: other, fsType: 'ext4', options: [] });
  await loop.close();
  await assert.rejects(stageAt(scratch, id, path), hasCode('InUse', /another device/));
  assert.equal(await scratch.system.mounts.find(path), undefined);
});

test('unstage is refused while the volume is published, naming where', async () => {
  await using scratch = await openScratch();
  const path = await stagingPath(scratch);
  const id = await scratch.pool.create('held', 'device');
  await stageAt(scratch, id, path);
  const targetPath = join(scratch.dir, 'pods', 'a');
  await scratch.node.publish({ volumeId: id, stagingPath: path, targetPath, capability: mountCapability(), readOnly: false }, call());
  await assert.rejects(scratch.node.unstage(id, path, call()), hasCode('InUse', /pods\/a/));
  await scratch.node.unpublish(id, targetPath, call());
  const held = await open(path, 'r');
  try {
    await assert.rejects(scratch.node.unstage(id, path, call()), hasCode('InUse', /fuser/));
  } finally {
    await held.close();
  }
  await scratch.node.unstage(id, path, call());
});

test('unstage leaves a foreign mount at the staging path alone', async () => {
  await using scratch = await openScratch();
  const path = await stagingPath(scratch);
  const id = await scratch.pool.create('foreign mount', 'directory');
  await scratch.system.mounts.bind(join(scratch.dir, 'pods'), path);
  await assert.rejects(stageAt(scratch, id, path), hasCode('Precondition', /something else/));
  await assert.rejects(scratch.node.unstage(id, path, call()), hasCode('Precondition', /left alone/));
  assert.notEqual(await scratch.system.mounts.find(path), undefined);
});
