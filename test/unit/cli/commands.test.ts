import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Daemon, startDaemon } from '../../support/daemon.ts';

const MAIN = join(import.meta.dirname, '../../../src/main.ts');
const directory = mkdtempSync(join(tmpdir(), 'convoy-cli-'));
let daemon: Daemon;

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as an admin's shell runs it. */
async function convoy(...args: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env['PATH'] ?? '', CSI_ENDPOINT: `unix://${daemon.socketPath}`, NODE_COMPILE_CACHE: join(directory, 'cache') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const read = async (stream: NodeJS.ReadableStream): Promise<string> => {
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return text;
  };
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, status] = await Promise.all([read(child.stdout), read(child.stderr), ended]);
  return { status, stdout, stderr };
}

async function json(...args: string[]): Promise<never> {
  const { status, stdout, stderr } = await convoy('--json', ...args);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as never;
}

async function fails(exit: number, message: RegExp, ...args: string[]): Promise<void> {
  const { status, stdout, stderr } = await convoy(...args);
  assert.deepEqual([status, stdout], [exit, ''], stderr);
  assert.match(stderr, message);
}

before(async () => {
  const path = join(directory, 'pool');
  mkdirSync(path);
  const other = join(directory, 'other');
  mkdirSync(other);
  daemon = await startDaemon({
    directory,
    pools: [
      { name: 'fast', driver: 'vfs', options: { 'vfs.path': path } },
      { name: 'slow', driver: 'vfs', options: { 'vfs.path': other } },
    ],
  });
});
after(async () => {
  await daemon.stop();
  rmSync(directory, { recursive: true });
});

describe('the commands against a daemon', () => {
  it('show the daemon and its pools', async () => {
    const info: { nodeName: string; pools: { name: string; open: boolean }[] } = await json('info');
    assert.equal(info.nodeName, 'rig');
    assert.deepEqual(
      info.pools.map(({ name, open }) => [name, open]),
      [
        ['fast', true],
        ['slow', true],
      ],
    );
    const { stdout } = await convoy('pools', 'list');
    assert.match(stdout, /^POOL +DRIVER +STATE/);
    assert.match(stdout, /^fast +vfs +open/m);
    const pool: { settings: { init: string } } = await json('pools', 'inspect', 'slow');
    assert.equal(pool.settings.init, 'auto');
  });

  it('lead a volume through its life by its name', async () => {
    const created = await convoy('volumes', 'create', 'vol1', '--size', '10M', '--pool', 'fast');
    assert.deepEqual([created.status, created.stdout], [0, 'vol1\n'], created.stderr);
    const volume: { id: string; sizeBytes: number; mode: string; createdAt: string } = await json('volumes', 'inspect', 'vol1');
    assert.match(volume.id, /^fast\.[0-9a-f]{16}\.v[0-9a-f]{32}$/);
    assert.deepEqual([volume.sizeBytes, volume.mode], [10 << 20, 'filesystem']);
    assert.ok(!Number.isNaN(Date.parse(volume.createdAt)));

    assert.deepEqual((await convoy('snapshots', 'create', 'vol1', '--name', 'snap1')).stdout, 'snap1\n');
    const [snapshot]: { name: string; sourceVolumeId: string; readyToUse: boolean }[] = await json('snapshots', 'list', 'vol1');
    assert.deepEqual(snapshot === undefined ? undefined : [snapshot.name, snapshot.sourceVolumeId, snapshot.readyToUse], [
      'snap1',
      volume.id,
      true,
    ]);

    const restored: { pool: string; sourceSnapshotId: string } = await json('volumes', 'create', 'vol2', '--snapshot', 'snap1');
    assert.equal(restored.pool, 'fast');
    const grown: { sizeBytes: number } = await json('volumes', 'expand', 'vol2', '--size', '20Mi');
    assert.equal(grown.sizeBytes, 20 << 20);

    const names = async (): Promise<readonly string[]> => ((await json('volumes', 'list')) as { name: string }[]).map(({ name }) => name);
    assert.deepEqual(await names(), ['vol1', 'vol2']);
    assert.equal(
      (await convoy('volumes', 'delete', 'vol1', volume.id.replace(/v[0-9a-f]+$/, 'v00000000000000000000000000000000'), 'vol2')).status,
      0,
    );
    assert.deepEqual(await names(), []);
    assert.equal((await convoy('snapshots', 'delete', 'snap1')).status, 0);
    assert.deepEqual(await json('snapshots', 'list'), []);
  });

  it('make a name for a volume that is given none, and print it', async () => {
    const { stdout } = await convoy('create', '--pool', 'slow', '--size', '1M');
    assert.match(stdout, /^volume-[0-9a-f]{16}\n$/);
    assert.equal((await convoy('delete', stdout.trim())).status, 0);
  });

  it('show a hostile name without harm and find it again', async () => {
    const name = 'a/../b\n*';
    assert.equal((await convoy('volumes', 'create', name, '--pool', 'fast', '--size', '1M')).status, 0);
    assert.match((await convoy('volumes', 'list')).stdout, /^a\/\.\.\/b\\u\{a\}\* /m);
    assert.equal((await convoy('volumes', 'delete', name)).status, 0);
  });

  it('exit by the kind of the error', async () => {
    await fails(3, /volume "none" does not exist/, 'volumes', 'inspect', 'none');
    await fails(3, /snapshot "none" does not exist/, 'snapshots', 'delete', 'none');
    await fails(3, /pool "none" is not configured; pools are fast, slow/, 'pools', 'inspect', 'none');
    await fails(3, /no pool of driver "zfs"; pools are fast \(vfs\), slow \(vfs\)/, 'volumes', 'create', 'x', '--driver', 'zfs');
    await fails(2, /driver vfs has several pools: choose one of fast, slow by --pool/, 'volumes', 'create', 'x', '--driver', 'vfs');
    await fails(2, /pool/, 'volumes', 'create', 'x');
    await fails(2, /choose one/, 'volumes', 'create', 'x', '--snapshot', 'a', '--volume', 'b', '--pool', 'fast');
    await fails(10, /VolumeIOPS/, 'volumes', 'create', 'x', '--pool', 'fast', '--iops', '100');
    const { status, stderr } = await convoy('volumes', 'inspect', 'none', '--json');
    assert.deepEqual([status, JSON.parse(stderr)], [3, { code: 'NotFound', message: 'volume "none" does not exist' }]);
  });

  it('delete all that they can of several, and name what failed', async () => {
    for (const name of ['one', 'two']) assert.equal((await convoy('create', name, '--pool', 'fast', '--size', '1M')).status, 0);
    const { status, stdout, stderr } = await convoy('--json', 'volumes', 'delete', 'one', 'none', 'two', 'nor');
    assert.equal(status, 3);
    assert.equal((JSON.parse(stdout) as unknown[]).length, 2);
    assert.deepEqual(JSON.parse(stderr), { code: 'NotFound', message: 'volume "none" does not exist; volume "nor" does not exist' });
    assert.deepEqual(await json('volumes', 'list'), []);
    await fails(3, /^convoy: snapshot "none" does not exist\n$/, 'snapshots', 'delete', 'none');
  });

  it('say how to have kept data back, in its pool', async () => {
    assert.equal((await convoy('create', 'kept', '--pool', 'slow', '--size', '1M')).status, 0);
    const { stderr } = await convoy('delete', '--reference', 'kept');
    const [, again] = /^the data of kept is kept: convoy (volumes create kept --pool slow --id \S+)\n$/.exec(stderr) ?? [];
    assert.ok(again !== undefined, stderr);
    assert.equal((await convoy(...again.split(' '))).stdout, 'kept\n');
    assert.equal((await convoy('delete', 'kept')).status, 0);
  });

  it('answer a pool that nobody configured alike everywhere', async () => {
    for (const verb of [
      ['pools', 'inspect', 'nope'],
      ['pools', 'init', 'nope'],
      ['pools', 'adopt', 'nope'],
      ['volumes', 'list', '--pool', 'nope'],
    ])
      await fails(3, /^convoy: pool "nope" is not configured; pools are fast, slow\n$/, ...verb);
  });

  it('refuse the same name with other terms', async () => {
    assert.equal((await convoy('volumes', 'create', 'twice', '--pool', 'fast', '--size', '1M')).status, 0);
    assert.equal((await convoy('volumes', 'create', 'twice', '--pool', 'fast', '--size', '1M')).status, 0);
    await fails(4, /twice|already/i, 'volumes', 'create', 'twice', '--pool', 'fast', '--size', '2M');
    assert.equal((await convoy('volumes', 'delete', 'twice')).status, 0);
  });

  it('show empty lists in words, and as empty lists to scripts', async () => {
    assert.equal((await convoy('jobs')).stdout, 'no jobs\n');
    assert.equal((await convoy('volumes', 'trash')).stdout, 'the trash is empty\n');
    assert.deepEqual(await json('volumes', 'trash', '--pool', 'fast'), []);
  });

  it('stop watching jobs at Ctrl-C', async () => {
    const child = spawn(process.execPath, [MAIN, 'jobs', '--watch', '--endpoint', daemon.socketPath], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
    // A child that has not come to its handler yet dies of the signal itself: both are an end.
    child.once('spawn', () => child.kill('SIGINT'));
    assert.ok([130, 'SIGINT'].includes((await ended) as never));
  });
});
