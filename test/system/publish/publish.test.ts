import assert from 'node:assert/strict';
import { lstat, mkdir, open, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AccessMode, PublishInput } from '../../../src/publish/api.ts';
import type { Scratch } from './scratch-pool.ts';
import { blockCapability, call, mountCapability, openScratch } from './scratch-pool.ts';

const hasCode =
  (code: string, text?: RegExp) =>
  (error: unknown): boolean => {
    assert.equal((error as { code?: string }).code, code, String(error));
    if (text !== undefined) assert.match((error as Error).message, text);
    return true;
  };

interface Staged {
  readonly id: string;
  readonly staging: string;
  target(name: string): string;
  publish(name: string, how?: Partial<PublishInput>): Promise<void>;
  unpublish(name: string): Promise<void>;
}

async function stageOne(scratch: Scratch, kind: 'device' | 'directory', capability = mountCapability(), name = 'volume'): Promise<Staged> {
  const id = await scratch.pool.create(name, kind);
  const staging = join(scratch.dir, 'staging', name);
  await mkdir(staging);
  await scratch.node.stage({ volumeId: id, stagingPath: staging, capability }, call());
  const target = (pod: string): string => join(scratch.dir, 'pods', pod);
  return {
    id,
    staging,
    target,
    publish: (pod, how = {}) =>
      scratch.node.publish({ volumeId: id, stagingPath: staging, targetPath: target(pod), capability, readOnly: false, ...how }, call()),
    unpublish: (pod) => scratch.node.unpublish(id, target(pod), call()),
  };
}

const isAbsent = async (path: string): Promise<boolean> =>
  lstat(path).then(
    () => false,
    () => true,
  );

for (const kind of ['directory', 'device'] as const) {
  test(`a ${kind} volume is published to two pods, read-only for one, and taken down whole`, async () => {
    await using scratch = await openScratch();
    const volume = await stageOne(scratch, kind);
    await volume.publish('rw');
    await volume.publish('ro', { readOnly: true });
    await writeFile(join(volume.target('rw'), 'file'), 'data');
    assert.equal(await readFile(join(volume.target('ro'), 'file'), 'utf8'), 'data');
    await assert.rejects(writeFile(join(volume.target('ro'), 'file'), 'x'), hasCode('EROFS'));
    assert.deepEqual(
      (await scratch.node.published(volume.id)).map(({ kind: what, readOnly }) => [what, readOnly]),
      [
        ['staged', false],
        ['published', false],
        ['published', true],
      ],
    );
    for (const pod of ['rw', 'ro', 'rw']) await volume.unpublish(pod);
    assert.ok(await isAbsent(volume.target('rw')));
    assert.ok(await isAbsent(volume.target('ro')));
    await scratch.node.unstage(volume.id, volume.staging, call());
    assert.deepEqual(await scratch.node.published(volume.id), []);
    assert.deepEqual(await readdir(join(scratch.dir, 'root', 'node', 'volumes')), []);
    assert.deepEqual(scratch.warnings, []);
  });
}

test('the same target on the same terms is fine, on other terms AlreadyExists', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'directory');
  await volume.publish('pod');
  await volume.publish('pod');
  assert.equal((await scratch.system.mounts.list()).filter((entry) => entry.target === volume.target('pod')).length, 1);
  await assert.rejects(volume.publish('pod', { readOnly: true }), hasCode('AlreadyExists', /read-only/));
  await assert.rejects(volume.publish('pod', { capability: mountCapability('', 'SINGLE_NODE_MULTI_WRITER') }), hasCode('AlreadyExists'));
});

for (const [mode, refused] of [
  ['SINGLE_NODE_WRITER', false],
  ['SINGLE_NODE_MULTI_WRITER', false],
  ['MULTI_NODE_MULTI_WRITER', false],
  ['SINGLE_NODE_SINGLE_WRITER', true],
] as const satisfies readonly (readonly [AccessMode, boolean])[]) {
  test(`a second target with ${mode} is ${refused ? 'refused, naming the first' : 'fine'}`, async () => {
    await using scratch = await openScratch();
    const volume = await stageOne(scratch, 'directory', mountCapability('', mode));
    await volume.publish('one');
    if (!refused) {
      await volume.publish('two');
      return;
    }
    await assert.rejects(volume.publish('two'), hasCode('Precondition', /pods\/one/));
    assert.ok(await isAbsent(volume.target('two')));
    await volume.unpublish('one');
    await volume.publish('two');
  });
}

for (const mode of ['SINGLE_NODE_READER_ONLY', 'MULTI_NODE_READER_ONLY'] as const) {
  test(`${mode} is read-only whatever the flag says`, async () => {
    await using scratch = await openScratch();
    const volume = await stageOne(scratch, 'device', mountCapability('', mode));
    await volume.publish('pod');
    await assert.rejects(writeFile(join(volume.target('pod'), 'x'), ''), hasCode('EROFS'));
  });
}

test('a single writer whose record was lost still keeps a second one out', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'device', mountCapability('', 'SINGLE_NODE_SINGLE_WRITER'));
  await volume.publish('one');
  await damageRecords(scratch);
  const again = await scratch.restart();
  const capability = mountCapability('', 'SINGLE_NODE_SINGLE_WRITER');
  const second = again.node.publish(
    { volumeId: volume.id, stagingPath: volume.staging, targetPath: volume.target('two'), capability, readOnly: false },
    call(),
  );
  await assert.rejects(second, hasCode('Precondition', /pods\/one/));
});

test('a path that is not staged is Precondition', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'directory');
  const other = join(scratch.dir, 'staging', 'other');
  await mkdir(other);
  await assert.rejects(volume.publish('pod', { stagingPath: other }), hasCode('Precondition', /not staged/));
  await assert.rejects(volume.publish('pod', { stagingPath: '' }), hasCode('Precondition'));
  assert.ok(await isAbsent(volume.target('pod')));
});

test('targets that are links, lead through one, lie in the pool or hold files are refused and not touched', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'directory');
  await symlink(join(scratch.dir, 'staging'), volume.target('link'));
  await symlink(join(scratch.dir, 'pods'), join(scratch.dir, 'way'));
  for (const targetPath of [
    volume.target('link'),
    join(scratch.dir, 'way', 'pod'),
    join(scratch.dir, 'pool', 'pod'),
    join(scratch.dir, 'root', 'pod'),
    'pods/pod',
    scratch.dir,
  ])
    await assert.rejects(volume.publish('', { targetPath }), hasCode('InvalidArgument'), targetPath);
  await mkdir(volume.target('full'));
  await writeFile(join(volume.target('full'), 'file'), 'kept');
  await assert.rejects(volume.publish('full'), hasCode('Precondition', /holds files/));
  await assert.rejects(volume.publish('gone/pod'), hasCode('Precondition', /parent/));
  assert.equal(await readFile(join(volume.target('full'), 'file'), 'utf8'), 'kept');
  assert.deepEqual(
    (await scratch.records.read(volume.id)).places.map((place) => place.kind),
    ['staged'],
  );
});

test('mount flags of one mount are set by the bind, others must have been staged', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'device', mountCapability('ext4', 'SINGLE_NODE_WRITER', ['noexec', 'data=writeback']));
  await volume.publish('pod');
  assert.ok((await scratch.system.mounts.find(volume.target('pod')))?.options.includes('noexec'));
  const other = mountCapability('ext4', 'SINGLE_NODE_WRITER', ['data=journal']);
  await assert.rejects(
    volume.publish('two', { capability: other }),
    (error: Error) => hasCode('Precondition')(error) && !error.message.includes('journal'),
  );
});

test('what is stacked at a target is unmounted whole; what is below it on disk is never removed', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'directory');
  await volume.publish('pod');
  await scratch.system.mounts.bind(volume.staging, volume.target('pod'));
  await volume.unpublish('pod');
  assert.ok(await isAbsent(volume.target('pod')));
  await mkdir(volume.target('full'));
  await writeFile(join(volume.target('full'), 'file'), 'kept');
  await assert.rejects(volume.unpublish('full'), hasCode('Precondition', /not empty/));
  assert.equal(await readFile(join(volume.target('full'), 'file'), 'utf8'), 'kept');
});

test('a busy target is InUse and stays mounted', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'device');
  await volume.publish('pod');
  const held = await open(volume.target('pod'), 'r');
  try {
    await assert.rejects(volume.unpublish('pod'), hasCode('InUse', /fuser/));
  } finally {
    await held.close();
  }
  await volume.unpublish('pod');
});

test('unpublish leaves a mount alone that nothing proves to be the volume', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'directory');
  await mkdir(volume.target('foreign'));
  await scratch.system.mounts.bind(join(scratch.dir, 'staging'), volume.target('foreign'));
  await assert.rejects(volume.unpublish('foreign'), hasCode('Precondition', /left alone/));
  assert.notEqual(await scratch.system.mounts.find(volume.target('foreign')), undefined);
});

test('unpublish works without the pool, for a volume that is gone, and for ids that never were', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'device');
  await volume.publish('one');
  await volume.publish('two');
  scratch.pool.open = false;
  await volume.unpublish('one');
  assert.ok(await isAbsent(volume.target('one')));
  scratch.pool.open = true;
  await scratch.pool.destroy(volume.id);
  await volume.unpublish('two');
  assert.ok(await isAbsent(volume.target('two')));
  await scratch.node.unstage(volume.id, volume.staging, call());
  await scratch.node.unpublish('never heard of', volume.target('two'), call());
  await scratch.node.unstage('never heard of', volume.staging, call());
});

test('of two unpublish calls at once one is done and the other is done or busy, with and without the pool', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'device');
  for (const open of [true, false]) {
    scratch.pool.open = true;
    await volume.publish('pod');
    scratch.pool.open = open;
    const outcomes = await Promise.allSettled([volume.unpublish('pod'), volume.unpublish('pod')]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') hasCode('Busy')(outcome.reason);
    assert.ok(outcomes.some((outcome) => outcome.status === 'fulfilled'));
    assert.ok(await isAbsent(volume.target('pod')));
  }
});

test('with a damaged record the mount table decides: publish, unpublish and unstage go on', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'device');
  await volume.publish('one');
  await damageRecords(scratch);
  const { node, warnings } = await scratch.restart();
  await node.publish(
    { volumeId: volume.id, stagingPath: volume.staging, targetPath: volume.target('two'), capability: mountCapability(), readOnly: false },
    call(),
  );
  await node.publish(
    { volumeId: volume.id, stagingPath: volume.staging, targetPath: volume.target('one'), capability: mountCapability(), readOnly: false },
    call(),
  );
  assert.ok(warnings.some((text) => text.includes('damaged')));
  for (const pod of ['one', 'two']) await node.unpublish(volume.id, volume.target(pod), call());
  await node.unstage(volume.id, volume.staging, call());
  assert.deepEqual(await readdir(join(scratch.dir, 'root', 'node', 'volumes')), []);
});

test('a raw block volume is bound as a device, read-only consumers get one that no write reaches', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'device', blockCapability());
  await volume.publish('rw');
  await volume.publish('ro', { readOnly: true });
  await volume.publish('ro', { readOnly: true });
  await writeBlock(volume.target('rw'));
  await assert.rejects(writeBlock(volume.target('ro')), (error: NodeJS.ErrnoException) =>
    ['EACCES', 'EPERM', 'EROFS'].includes(error.code ?? ''),
  );
  assert.equal((await scratch.pool.state(volume.id)).gate, 'never');
  assert.deepEqual(await scratch.node.stats(volume.id, volume.target('rw')), {
    block: true,
    bytes: { total: 64n << 20n, used: 0n, available: 0n },
  });
  assert.equal(await scratch.node.expand(volume.id, volume.target('rw'), {}, call()), 64n << 20n);
  await assert.rejects(scratch.node.mount(volume.id, undefined, { readOnly: true }, call()), hasCode('InUse'));
  for (const pod of ['rw', 'ro']) await volume.unpublish(pod);
  assert.ok(await isAbsent(volume.target('rw')));
  assert.deepEqual(await scratch.system.loops.findByBacking(scratch.pool.image(volume.id)), []);
  await scratch.node.unstage(volume.id, volume.staging, call());
});

test('a raw device whose pool was closed at unpublish is released by the next sweep', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'device', blockCapability());
  await volume.publish('pod');
  scratch.pool.open = false;
  await volume.unpublish('pod');
  assert.equal((await scratch.system.loops.findByBacking(scratch.pool.image(volume.id))).length, 1);
  scratch.pool.open = true;
  const { node } = await scratch.restart();
  await node.sweep();
  assert.deepEqual(await scratch.system.loops.findByBacking(scratch.pool.image(volume.id)), []);
});

test('a directory volume is not handed out as a block device', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'directory');
  await assert.rejects(volume.publish('pod', { capability: blockCapability() }), hasCode('Precondition'));
});

test('statistics are of the volume at the path, and NotFound anywhere else', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'device');
  await volume.publish('pod');
  const { bytes, inodes, block } = await scratch.node.stats(volume.id, volume.target('pod'));
  assert.ok(
    !block &&
      bytes.total > 40n << 20n &&
      bytes.total < 64n << 20n &&
      bytes.used + bytes.available <= bytes.total &&
      (inodes?.total ?? 0n) > 0n,
  );
  for (const path of ['some/path', volume.target('other'), scratch.dir])
    await assert.rejects(scratch.node.stats(volume.id, path), hasCode('NotFound'), path);
  await assert.rejects(scratch.node.stats('unknown', volume.target('pod')), hasCode('NotFound'));
  // Unmounted behind our back: the record still names it.
  await scratch.system.mounts.unbind(volume.target('pod'));
  await assert.rejects(scratch.node.stats(volume.id, volume.target('pod')), hasCode('NotFound'));
});

test('health tells of a mount that is gone, and of nothing otherwise', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'device');
  await volume.publish('pod');
  assert.deepEqual(await scratch.node.health(volume.id, undefined), []);
  await scratch.system.mounts.unbind(volume.target('pod'));
  assert.deepEqual(
    (await scratch.node.health(volume.id, volume.target('pod'))).map(({ status, reason }) => [status, reason]),
    [['Inaccessible', 'NotMounted']],
  );
  await assert.rejects(scratch.node.health(volume.id, '/nowhere'), hasCode('NotFound'));
});

test('uses name staged and published places, binds of others and mounts below, and nothing when unused', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'directory');
  await volume.publish('pod');
  await mkdir(join(volume.staging, 'sub'));
  await mkdir(volume.target('subpath'));
  await scratch.system.mounts.bind(join(volume.staging, 'sub'), volume.target('subpath'));
  await scratch.system.mounts.bind(join(scratch.dir, 'pods'), join(scratch.pool.directory(volume.id), 'sub'));
  const uses = await scratch.usesOf(await scratch.pool.peekVolume(volume.id));
  for (const text of [`staged at ${volume.staging}`, `published at ${volume.target('pod')}`, `mounted at ${volume.target('subpath')}`])
    assert.ok(uses.includes(text), `${text} in ${uses.join('; ')}`);
  assert.ok(uses.some((use) => use.startsWith('something else is mounted below')));
  await scratch.system.mounts.unbind(join(scratch.pool.directory(volume.id), 'sub'));
  await scratch.system.mounts.unbind(volume.target('subpath'));
  await volume.unpublish('pod');
  await scratch.node.unstage(volume.id, volume.staging, call());
  assert.deepEqual(await scratch.usesOf(await scratch.pool.peekVolume(volume.id)), []);
});

test('an admin mounts a volume at a place of ours, beside a pod, and unmounts it again', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'device');
  const path = await scratch.node.mount(volume.id, undefined, { readOnly: false }, call());
  assert.equal(await scratch.node.mount(volume.id, undefined, { readOnly: false }, call()), path);
  await writeFile(join(path, 'file'), 'data');
  assert.equal(await readFile(join(volume.staging, 'file'), 'utf8'), 'data');
  await assert.rejects(scratch.node.mount(volume.id, undefined, { readOnly: true }, call()), hasCode('AlreadyExists'));
  await assert.rejects(scratch.node.umount(volume.id, volume.staging, call()), hasCode('InUse', /orchestrator/));
  await scratch.node.umount(volume.id, undefined, call());
  await scratch.node.umount(volume.id, undefined, call());
  assert.ok(await isAbsent(path));
  assert.notEqual(await scratch.system.mounts.find(volume.staging), undefined);
});

test('the sweep forgets what a reboot took, removes empty targets only, and unmounts nothing', async () => {
  await using scratch = await openScratch();
  const volume = await stageOne(scratch, 'directory');
  for (const pod of ['kept', 'gone', 'full']) await volume.publish(pod);
  for (const pod of ['gone', 'full']) await scratch.system.mounts.unbind(volume.target(pod));
  await writeFile(join(volume.target('full'), 'file'), 'kept');
  const { node, records } = await scratch.restart();
  await node.sweep();
  assert.deepEqual(
    (await records.read(volume.id)).places.map((place) => place.path),
    [volume.staging, volume.target('kept')],
  );
  assert.ok(await isAbsent(volume.target('gone')));
  assert.equal(await readFile(join(volume.target('full'), 'file'), 'utf8'), 'kept');
  assert.notEqual(await scratch.system.mounts.find(volume.target('kept')), undefined);
});

async function writeBlock(path: string): Promise<void> {
  const device = await open(path, 'r+');
  try {
    await device.write(Buffer.alloc(4096, 7), 0, 4096, 0);
    await device.sync();
  } finally {
    await device.close();
  }
}

async function damageRecords({ dir }: Scratch): Promise<void> {
  const directory = join(dir, 'root', 'node', 'volumes');
  for (const name of await readdir(directory)) await writeFile(join(directory, name), '{"version":1,"volumeId":');
}
