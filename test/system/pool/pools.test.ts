import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { type ErrorCode, isConvoyError } from '../../../src/convoy/errors.ts';
import { localId, nodeKey, parseId } from '../../../src/convoy/ids.ts';
import { DriverRegistry } from '../../../src/convoy/registry.ts';
import { registerAll } from '../../../src/drivers/all.ts';
import type { Call, CreateVolumeInput, PoolConfig, Pools } from '../../../src/pool/api.ts';
import { type OpenPoolsOptions, openPools } from '../../../src/pool/open-pools.ts';
import { encodeRecord } from '../../../src/pool/records.ts';
import { makeMounter } from '../../../src/publish/mounter.ts';
import type { System } from '../../../src/system/api.ts';
import { openSystem } from '../../../src/system/index.ts';
import { openScratchFs, type ScratchFs } from '../../support/scratch-fs.ts';

const GiB = 1n << 30n;
const MiB = 1n << 20n;
const call: Call = { signal: new AbortController().signal, secrets: {}, requestId: 'test' };
const failsWith =
  (code: ErrorCode, ...words: string[]) =>
  (error: unknown): boolean => {
    assert.ok(isConvoyError(error, code), `expected ${code}, got ${String(error)}`);
    for (const word of words)
      assert.ok(error.message.includes(word), `${JSON.stringify(error.message)} does not say ${JSON.stringify(word)}`);
    return true;
  };

describe('pools', () => {
  let system: System;
  let disk: ScratchFs;
  let root: string;
  const opened: Pools[] = [];

  before(() => {
    system = openSystem();
    disk = openScratchFs('ext4', 4n * GiB);
  });
  after(async () => {
    await system.close();
    disk.close();
  });
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'convoy-root-'));
  });
  afterEach(async () => {
    for (const pools of opened.splice(0)) await pools.close();
    rmSync(root, { recursive: true, force: true });
    for (const entry of readdirSync(disk.path))
      if (entry !== 'lost+found') rmSync(join(disk.path, entry), { recursive: true, force: true });
  });

  const config = (name: string, change: Partial<PoolConfig> = {}): PoolConfig => {
    const path = join(disk.path, name);
    mkdirSync(path, { recursive: true });
    return {
      name,
      driver: 'vfs',
      options: { 'vfs.path': path },
      init: 'auto',
      overcommit: 1,
      thin: false,
      onDelete: 'delete',
      trashRetentionMs: 0,
      maxJobs: 2,
      allowParameters: [],
      ...change,
    };
  };
  const open = async (configs: readonly PoolConfig[], change: Partial<OpenPoolsOptions> = {}): Promise<Pools> => {
    const registry = new DriverRegistry();
    registerAll(registry);
    const pools = await openPools({
      configs,
      nodeName: 'node-1',
      root,
      registry,
      deps: { system, mounter: makeMounter(system), log: { info: () => {}, warn: () => {} } },
      usesOf: async () => [],
      ...change,
    });
    opened.push(pools);
    return pools;
  };
  const input = (name: string, change: Partial<CreateVolumeInput> = {}): CreateVolumeInput => ({
    name,
    range: { requiredBytes: 10n * MiB },
    use: { mount: true, block: false },
    options: {},
    driverParameters: {},
    ...change,
  });
  const pathOf = (pool: string, name: string): string => join(disk.path, pool, 'volumes', localId('volume', name));

  it('make a volume, find it again, and delete it with everything', async () => {
    const pools = await open([config('p')]);
    const volume = await pools.createVolume(input('a'), call);
    assert.equal(volume.id, `p.${nodeKey('node-1')}.${localId('volume', 'a')}`);
    assert.deepEqual(await pools.createVolume(input('a'), call), volume);
    assert.deepEqual(await pools.getVolume(volume.id), volume);
    writeFileSync(join(pathOf('p', 'a'), 'data', 'file'), 'x');
    await pools.deleteVolume(volume.id, {}, call);
    await pools.deleteVolume(volume.id, {}, call);
    await assert.rejects(pools.getVolume(volume.id), failsWith('NotFound'));
    await settled(pools);
    assert.deepEqual(readdirSync(join(disk.path, 'p', 'volumes')), []);
    assert.deepEqual(readdirSync(join(disk.path, 'p', 'trash')), []);
  });

  it('answer the create that is repeated with other terms by name of what differs', async () => {
    const pools = await open([config('p')]);
    await pools.createVolume(input('a'), call);
    await assert.rejects(
      pools.createVolume(input('a', { range: { requiredBytes: 20n * MiB } }), call),
      failsWith('AlreadyExists', '10485760'),
    );
    await assert.rejects(pools.createVolume(input('a', { options: { prepareForVm: true } }), call), failsWith('AlreadyExists', 'options'));
  });

  it('know unknown from absent', async () => {
    const pools = await open([config('p')]);
    await pools.deleteVolume('nonsense', {}, call);
    await assert.rejects(
      pools.deleteVolume(`q.${nodeKey('node-1')}.${localId('volume', 'a')}`, {}, call),
      failsWith('Unavailable', 'q', 'p'),
    );
    await assert.rejects(
      pools.deleteVolume(`p.${nodeKey('node-2')}.${localId('volume', 'a')}`, {}, call),
      failsWith('Unavailable', 'node-1'),
    );
    await assert.rejects(pools.getVolume(`p.${nodeKey('node-1')}.${localId('volume', 'a')}`), failsWith('NotFound'));
  });

  it('refuse a name that stands in another pool of the node', async () => {
    const pools = await open([config('p'), config('q')], { defaultPool: 'p' });
    await pools.createVolume(input('a'), call);
    await assert.rejects(pools.createVolume(input('a', { pool: 'q' }), call), failsWith('AlreadyExists', 'p', 'q'));
    await assert.rejects(pools.createVolume(input('b', { pool: 'nope' }), call), failsWith('InvalidArgument', 'nope', 'p, q'));
  });

  it('refuse a configuration whose pools overlap, or are named badly', async () => {
    const p = config('p');
    mkdirSync(join(disk.path, 'p', 'inner'));
    await assert.rejects(
      open([p, config('q', { options: { 'vfs.path': join(disk.path, 'p', 'inner') } })]),
      failsWith('InvalidArgument', 'overlap'),
    );
    await assert.rejects(open([config('Global')]), failsWith('InvalidArgument', 'Global'));
    await assert.rejects(open([p, p]), failsWith('InvalidArgument', 'twice'));
    await assert.rejects(open([config('p', { driver: 'zfs' })]), failsWith('InvalidArgument', 'zfs', 'vfs'));
  });

  it('never take a disk that is not mounted for a new pool', async () => {
    const p = config('p');
    const first = await open([p]);
    const volume = await first.createVolume(input('a'), call);
    await first.close();
    renameSync(join(disk.path, 'p'), join(disk.path, 'away'));
    mkdirSync(join(disk.path, 'p'));
    const second = await open([p]);
    await assert.rejects(second.deleteVolume(volume.id, {}, call), failsWith('Unavailable', 'opened the pool there before', '--replace'));
    await assert.rejects(second.createVolume(input('b'), call), failsWith('Unavailable'));
    await assert.rejects(second.listVolumes({ maxEntries: 0, startingToken: '' }), failsWith('Unavailable'));
    assert.deepEqual(readdirSync(join(disk.path, 'p')), []);
    rmSync(join(disk.path, 'p'), { recursive: true });
    renameSync(join(disk.path, 'away'), join(disk.path, 'p'));
    await second.close();
    const third = await open([p]);
    assert.equal((await third.getVolume(volume.id)).name, 'a');
  });

  it('do not touch a directory that holds something else', async () => {
    const p = config('p');
    writeFileSync(join(disk.path, 'p', 'precious'), 'x');
    const pools = await open([p]);
    await assert.rejects(pools.createVolume(input('a'), call), failsWith('Unavailable', 'not empty'));
    assert.deepEqual(readdirSync(join(disk.path, 'p')), ['precious']);
    await assert.rejects(pools.initPool('p', 'init'), failsWith('Precondition', 'not empty'));
  });

  it('wait for the admin where init is manual', async () => {
    const pools = await open([config('p', { init: 'manual' })]);
    await assert.rejects(pools.createVolume(input('a'), call), failsWith('Unavailable', 'pools init p'));
    assert.equal((await pools.initPool('p', 'init')).state.kind, 'open');
    await pools.createVolume(input('a'), call);
    await assert.rejects(pools.initPool('p', 'init'), failsWith('InUse'));
  });

  it('refuse the pool of another node until it is adopted', async () => {
    const p = config('p');
    const first = await open([p]);
    await first.createVolume(input('a'), call);
    await first.close();
    const other = await open([p], { nodeName: 'node-2' });
    await assert.rejects(other.createVolume(input('b'), call), failsWith('Unavailable', 'node-1', '--node-id', 'pools adopt'));
    await other.initPool('p', 'adopt');
    const found = await other.listVolumes({ maxEntries: 0, startingToken: '' });
    assert.deepEqual(
      found.entries.map(({ name, id }) => [name, parseId(id, 'volume')?.node]),
      [['a', nodeKey('node-2')]],
    );
  });

  it('keep a second process out', async () => {
    const p = config('p');
    await open([p]);
    const second = await open([p]);
    await assert.rejects(second.createVolume(input('a'), call), failsWith('Unavailable', 'another convoy process'));
  });

  it('keep one damaged record to itself', async () => {
    const p = config('p');
    const pools = await open([p]);
    const bad = await pools.createVolume(input('bad'), call);
    const good = await pools.createVolume(input('good'), call);
    const path = join(pathOf('p', 'bad'), 'record.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('"bad"', '"mad"'));
    await assert.rejects(pools.getVolume(bad.id), failsWith('DataLoss', 'damaged'));
    const page = await pools.listVolumes({ maxEntries: 0, startingToken: '' });
    assert.deepEqual(
      page.entries.map((volume) => [volume.id, volume.damaged ?? false]).sort(),
      [
        [bad.id, true],
        [good.id, false],
      ].sort(),
    );
    assert.deepEqual(
      (await pools.volumeHealth(bad.id)).map(({ reason }) => reason),
      ['RecordDamaged'],
    );
    assert.deepEqual(await pools.volumeHealth(good.id), []);
    assert.deepEqual(
      (await pools.listVolumeHealth({ maxEntries: 0, startingToken: '' })).entries.map(({ volumeId }) => volumeId),
      [bad.id],
    );
    await pools.close();
    const again = await open([p]);
    assert.equal((await again.getVolume(good.id)).name, 'good');
    assert.deepEqual(readdirSync(join(pathOf('p', 'bad'))).sort(), ['data', 'record.json']);
  });

  it('refuse, and leave alone, a record of a newer version', async () => {
    const pools = await open([config('p')]);
    const volume = await pools.createVolume(input('a'), call);
    const path = join(pathOf('p', 'a'), 'record.json');
    const { body } = JSON.parse(readFileSync(path, 'utf8')) as { body: Parameters<typeof encodeRecord>[0] };
    const newer = encodeRecord({ ...body, version: 2 });
    writeFileSync(path, newer);
    await assert.rejects(pools.getVolume(volume.id), failsWith('Unavailable', 'version 2'));
    await assert.rejects(pools.deleteVolume(volume.id, {}, call), failsWith('Unavailable', 'version 2'));
    await assert.rejects(pools.createVolume(input('a'), call), failsWith('Unavailable', 'version 2'));
    assert.deepEqual((await pools.volumeHealth(volume.id))[0]?.status, 'Inaccessible');
    assert.equal(readFileSync(path, 'utf8'), newer);
  });

  it('refuse to delete what is in use, saying where', async () => {
    const pools = await open([config('p')], { usesOf: async () => ['/mnt/target'] });
    const volume = await pools.createVolume(input('a'), call);
    await assert.rejects(pools.deleteVolume(volume.id, {}, call), failsWith('InUse', '/mnt/target'));
    assert.equal((await pools.getVolume(volume.id)).id, volume.id);
  });

  it('hold the locks of a call until it is answered', async () => {
    const pools = await open([config('p', { bandwidth: 1_000_000 })]);
    const source = await pools.createVolume(input('source'), call);
    writeFileSync(join(pathOf('p', 'source'), 'data', 'file'), Buffer.alloc(1 << 20, 1));
    const held = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const first = pools.withVolume(source.id, () => {
      begun.resolve();
      return held.promise;
    });
    await begun.promise;
    await assert.rejects(
      pools.withVolume(source.id, async () => {}),
      failsWith('Busy'),
    );
    await assert.rejects(pools.deleteVolume(source.id, {}, call), failsWith('Busy'));
    held.resolve();
    await first;
    const clone = input('copy', { source: { kind: 'volume', volumeId: source.id } });
    const copying = Promise.withResolvers<void>();
    const watch = new AbortController();
    pools.watchJobs(watch.signal, (job) => {
      if (job.state === 'running' && job.kind === 'clone') copying.resolve();
    });
    const creating = pools.createVolume(clone, call);
    await copying.promise;
    watch.abort();
    await assert.rejects(pools.createVolume(clone, call), failsWith('Busy', 'being created'));
    assert.equal((await creating).name, 'copy');
  });

  it('bring back what the trash still holds, and only that', async () => {
    const pools = await open([config('p', { trashRetentionMs: 3_600_000 })]);
    const volume = await pools.createVolume(input('a'), call);
    writeFileSync(join(pathOf('p', 'a'), 'data', 'file'), 'precious');
    await pools.deleteVolume(volume.id, {}, call);
    const [item] = await pools.listTrash();
    assert.ok(item);
    assert.equal(item.name, 'a');
    await pools.createVolume(input('a'), call);
    await assert.rejects(pools.undelete('p', item.entry, call), failsWith('AlreadyExists'));
    await pools.deleteVolume(volume.id, {}, call);
    assert.equal((await pools.undelete('p', item.entry, call)).id, volume.id);
    assert.equal(readFileSync(join(pathOf('p', 'a'), 'data', 'file'), 'utf8'), 'precious');
    await assert.rejects(pools.undelete('p', item.entry, call), failsWith('NotFound'));
  });

  it('keep for good what onDelete: retain deletes', async () => {
    const p = config('p', { onDelete: 'retain' });
    const pools = await open([p]);
    const volume = await pools.createVolume(input('a'), call);
    await pools.deleteVolume(volume.id, {}, call);
    await pools.close();
    const again = await open([p]);
    const [item] = await again.listTrash();
    assert.equal(item?.id, volume.id);
    assert.equal(item?.expiresAt, undefined);
  });

  it('promise no more than the disk less a tenth, trash included', async () => {
    const pools = await open([config('p', { trashRetentionMs: 3_600_000 })]);
    const room = (await pools.capacity({})).availableBytes;
    const half = room / 2n;
    const volume = await pools.createVolume(input('a', { range: { requiredBytes: half } }), call);
    await assert.rejects(
      pools.createVolume(input('b', { range: { requiredBytes: room - half + 1n } }), call),
      failsWith('NoSpace', 'promise'),
    );
    assert.equal((await pools.capacity({})).availableBytes, room - half);
    await pools.deleteVolume(volume.id, {}, call);
    assert.equal((await pools.capacity({})).availableBytes, room - half);
    const together = await Promise.allSettled(
      ['c', 'd', 'e'].map((name) => pools.createVolume(input(name, { range: { requiredBytes: room - half } }), call)),
    );
    assert.deepEqual(together.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected']);
  });

  it('say nothing is promised on other nodes', async () => {
    const pools = await open([config('p')]);
    assert.equal((await pools.capacity({ nodes: ['node-2'] })).availableBytes, 0n);
    assert.ok((await pools.capacity({ nodes: ['node-1'] })).availableBytes > 0n);
    await assert.rejects(pools.createVolume(input('a', { nodes: ['node-2'] }), call), failsWith('NoSpace', 'node-1', 'node-2'));
  });

  it('finish after a restart the copy that a stop interrupted', async () => {
    const p = config('p');
    const first = await open([p]);
    const source = await first.createVolume(input('source'), call);
    for (let number = 0; number < 400; number += 1)
      writeFileSync(join(pathOf('p', 'source'), 'data', `file-${number}`), `content ${number}`);
    const snapshot = await first.createSnapshot({ name: 's', sourceVolumeId: source.id }, call);
    const leave = new AbortController();
    leave.abort();
    const restore = input('copy', { source: { kind: 'snapshot', snapshotId: snapshot.id } });
    await assert.rejects(first.createVolume(restore, { ...call, signal: leave.signal }), failsWith('Busy'));
    await first.close();
    const second = await open([p]);
    const volume = await second.createVolume(restore, call);
    assert.equal(readdirSync(join(pathOf('p', 'copy'), 'data')).length, 400);
    assert.deepEqual(volume.source, { kind: 'snapshot', snapshotId: snapshot.id });
    assert.deepEqual((await second.createVolume(restore, call)).id, volume.id);
  });

  it('cancel a copy by deleting its object', async () => {
    const pools = await open([config('p', { bandwidth: 1000 })]);
    const source = await pools.createVolume(input('source'), call);
    writeFileSync(join(pathOf('p', 'source'), 'data', 'file'), Buffer.alloc(1 << 20, 1));
    const leave = new AbortController();
    leave.abort();
    const clone = input('copy', { source: { kind: 'volume', volumeId: source.id } });
    await assert.rejects(pools.createVolume(clone, { ...call, signal: leave.signal }), failsWith('Busy', 'goes on'));
    await assert.rejects(pools.deleteVolume(source.id, {}, call), failsWith('Busy', 'copied'));
    const id = source.id.replace(localId('volume', 'source'), localId('volume', 'copy'));
    await pools.deleteVolume(id, {}, call);
    await pools.deleteVolume(source.id, {}, call);
    await settled(pools);
    assert.deepEqual(readdirSync(join(disk.path, 'p', 'volumes')), []);
  });
});

/** Waits until no job runs any more. */
async function settled(pools: Pools): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = new AbortController();
  const look = (): void => {
    if (pools.jobs().every((job) => job.state === 'failed')) resolve();
  };
  pools.watchJobs(stop.signal, () => setImmediate(look));
  const timer = setInterval(look, 20);
  await promise;
  clearInterval(timer);
  stop.abort();
}
