import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, describe, it } from 'node:test';
import { connectAdmin } from '../../../src/admin/client.ts';
import { freePorts } from '../../support/free-ports.ts';

const MAIN = join(import.meta.dirname, '../../../src/main.ts');
const base = mkdtempSync(join(tmpdir(), 'convoy-daemon-'));
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});
after(() => rmSync(base, { recursive: true }));

type Entry = Readonly<Record<string, unknown>>;
interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly stderr: string }>;
  /** The log, entry by entry, as far as it has come. */
  readonly entries: readonly Entry[];
  /** Resolves with the first entry that has this message, or undefined when the process ends without. */
  said(message: string): Promise<Entry | undefined>;
}

let count = 0;
function makeDirectory(): string {
  count += 1;
  const directory = join(base, String(count));
  mkdirSync(directory);
  return directory;
}

function start(args: readonly string[], main = MAIN): Started {
  const child = spawn(process.execPath, [main, 'daemon', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '' },
  });
  running.add(child);
  const entries: Entry[] = [];
  const waiting: { readonly message: string; readonly resolve: (entry: Entry | undefined) => void }[] = [];
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  if (child.stdout !== null)
    createInterface(child.stdout).on('line', (line) => {
      const entry = JSON.parse(line) as Entry;
      entries.push(entry);
      for (const { message, resolve } of waiting) if (entry['message'] === message) resolve(entry);
    });
  const ended = new Promise<{ code: number | null; signal: string | null; stderr: string }>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      for (const each of waiting) each.resolve(undefined);
      resolve({ code, signal, stderr });
    });
  });
  const said = (message: string): Promise<Entry | undefined> => {
    const before = entries.find((entry) => entry['message'] === message);
    return before !== undefined ? Promise.resolve(before) : new Promise((resolve) => void waiting.push({ message, resolve }));
  };
  return { child, ended, entries, said };
}

const args = (directory: string, ...more: string[]): string[] => [
  '--root',
  join(directory, 'root'),
  '--endpoint',
  join(directory, 'csi.sock'),
  '--http-listen',
  '',
  ...more,
];

describe('the daemon', () => {
  it('serves, and on SIGTERM removes its socket and exits 0', async () => {
    const directory = makeDirectory();
    const { child, ended, said } = start(args(directory));
    assert.ok(await said('ready'));
    assert.ok(existsSync(join(directory, 'csi.sock')));
    child.kill('SIGTERM');
    assert.deepEqual(await ended, { code: 0, signal: null, stderr: '' });
    assert.ok(!existsSync(join(directory, 'csi.sock')));
    assert.ok(existsSync(join(directory, 'root/pools/vfs')));
  });

  it('ends the streams of who watches jobs when it stops', async () => {
    const directory = makeDirectory();
    const { child, ended, said } = start(args(directory));
    assert.ok(await said('ready'));
    const client = connectAdmin(join(directory, 'csi.sock'));
    const watched = (async () => {
      for await (const _job of client.stream('WatchJobs', {}, new AbortController().signal));
    })();
    await client.call('ListJobs', {});
    child.kill('SIGINT');
    await watched;
    assert.equal((await ended).code, 0);
    client.close();
  });

  it('exits at once at a second Ctrl-C', async () => {
    const directory = makeDirectory();
    const { child, ended, said } = start(args(directory));
    assert.ok(await said('ready'));
    child.kill('SIGTERM');
    child.kill('SIGINT');
    // Both may be seen before the stop is done, or the first one alone: never a third way.
    assert.ok([0, 130].includes((await ended).code ?? -1));
  });

  it('stops in order when a supervisor and a wrapper both send SIGTERM', async () => {
    const directory = makeDirectory();
    const { child, ended, said } = start(args(directory));
    assert.ok(await said('ready'));
    for (let times = 0; times < 5; times += 1) child.kill('SIGTERM');
    assert.deepEqual(await ended, { code: 0, signal: null, stderr: '' });
    assert.ok(!existsSync(join(directory, 'csi.sock')));
  });

  it('checks the options of drivers before it makes anything, and names the pool', async () => {
    const directory = makeDirectory();
    const { ended } = start(args(directory, '--drivers', 'loop', '--driver-opts', 'loop.path=relative'));
    assert.deepEqual(await ended, {
      code: 2,
      signal: null,
      stderr: 'convoy daemon: pool "loop": loop.path is "relative"; it must be an absolute path\n',
    });
    assert.ok(!existsSync(join(directory, 'root')));
  });

  it('replaces the socket of one that was killed', async () => {
    const directory = makeDirectory();
    const first = start(args(directory));
    assert.ok(await first.said('ready'));
    first.child.kill('SIGKILL');
    await first.ended;
    assert.ok(existsSync(join(directory, 'csi.sock')));
    const second = start(args(directory));
    assert.ok(await second.said('ready'));
  });

  it('refuses a root that another one works on, and leaves that one alone', async () => {
    const directory = makeDirectory();
    const first = start(args(directory));
    assert.ok(await first.said('ready'));
    const second = await start(args(directory)).ended;
    assert.equal(second.code, 1);
    assert.match(second.stderr, /^convoy daemon: another convoy process works on .*root: stop it, or give this one another --root\n$/);
    const client = connectAdmin(join(directory, 'csi.sock'));
    assert.equal((await client.call('ListPools', {})).pools.length, 1);
    client.close();
  });

  const BAD: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['an unknown option', ['--foo'], /unknown option --foo; options of convoy daemon are/],
    ['an unknown role', ['--role', 'server'], /--role is "server"; allowed are all, controller, node/],
    ['an unknown driver', ['--drivers', 'zfs'], /no such driver; known are .*vfs/],
    ['a malformed driver option', ['--drivers', 'vfs', '--driver-opts', 'vfs.path'], /malformed/],
  ];
  for (const [what, more, message] of BAD)
    it(`refuses ${what} with one line and exit code 2, before it touches anything`, async () => {
      const directory = makeDirectory();
      const { code, stderr } = await start(args(directory, ...more)).ended;
      assert.equal(code, 2);
      assert.match(stderr, message);
      assert.equal(stderr.split('\n').length, 2);
      assert.ok(!existsSync(join(directory, 'root')));
    });

  it('refuses driver options that the driver refuses with exit code 2', async () => {
    const directory = makeDirectory();
    const { code, stderr } = await start(args(directory, '--drivers', 'vfs', '--driver-opts', 'vfs.path=relative')).ended;
    assert.equal(code, 2);
    assert.match(stderr, /^convoy daemon: .*vfs\.path.*\n$/);
  });

  it('says which HTTP address is taken, before it touches anything', async () => {
    const directory = makeDirectory();
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const address = blocker.address();
    assert.ok(address !== null && typeof address === 'object');
    const { code, stderr } = await start([...args(directory).slice(0, -2), '--http-listen', `127.0.0.1:${address.port}`]).ended;
    await new Promise((resolve) => blocker.close(resolve));
    assert.equal(code, 1);
    assert.match(stderr, /cannot serve HTTP on 127\.0\.0\.1:\d+ \(EADDRINUSE\): choose another address by --http-listen/);
    assert.ok(!existsSync(join(directory, 'root')));
  });

  it('serves the other pools when one is not there, is alive, and says why it is not ready', async () => {
    const directory = makeDirectory();
    mkdirSync(join(directory, 'here'));
    const config = join(directory, 'config.yaml');
    const [port] = await freePorts(1);
    const pool = (name: string, path: string): string =>
      `- {name: ${name}, driver: vfs, init: auto, options: {vfs.path: ${join(directory, path)}}}\n`;
    writeFileSync(config, `http: {listen: "127.0.0.1:${port}"}\npools:\n${pool('here', 'here')}${pool('gone', 'not-mounted/pool')}`);
    const { said } = start([...args(directory).slice(0, -2), '--config', config]);
    assert.ok(await said('ready'));
    const client = connectAdmin(join(directory, 'csi.sock'));
    const { pools } = await client.call('ListPools', {});
    assert.deepEqual(
      pools.map(({ name, open }) => [name, open]),
      [
        ['here', true],
        ['gone', false],
      ],
    );
    const created = await client.call('CreateVolume', { name: 'a', pool: 'here', options: { Size: '1048576' } });
    assert.equal(created.volume?.pool, 'here');
    client.close();
    const url = `http://127.0.0.1:${port}`;
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    const ready = await fetch(`${url}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /^pool "gone" is unavailable: .*not-mounted/);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /^convoy_pool_open\{pool="here",driver="vfs"\} 1$/m);
    assert.match(metrics, /^convoy_pool_open\{pool="gone",driver="vfs"\} 0$/m);
    assert.match(metrics, /^convoy_volumes\{pool="here"\} 1$/m);
    assert.match(metrics, /^convoy_build_info\{version="[\d.]+",node_version="[\d.]+",role="all"\} 1$/m);
  });
});
