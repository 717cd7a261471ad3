import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { DaemonConfig } from '../../../src/config/config.ts';
import { parseDaemonFlags } from '../../../src/config/flags.ts';
import { loadDaemonConfig } from '../../../src/config/load.ts';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import { DriverRegistry } from '../../../src/convoy/registry.ts';

const directory = mkdtempSync(join(tmpdir(), 'convoy-config-'));
after(() => rmSync(directory, { recursive: true }));

const registry = new DriverRegistry();
for (const [name, options] of Object.entries({ vfs: ['vfs.path'], loop: ['loop.path'], btrfs: ['btrfs.path'] }))
  registry.register(name, () => Promise.reject(new Error('not opened here')), {
    summary: name,
    binaries: [],
    options: Object.fromEntries(options.map((option) => [option, 'where'])),
  });

async function load(args: readonly string[], yaml?: string, env: Record<string, string> = {}): Promise<DaemonConfig> {
  const path = join(directory, 'convoy.yaml');
  if (yaml !== undefined) writeFileSync(path, yaml);
  return loadDaemonConfig({
    flags: parseDaemonFlags([...args, ...(yaml === undefined ? [] : ['--config', path])]),
    env,
    drivers: registry,
  });
}

async function refusal(args: readonly string[], yaml?: string, env?: Record<string, string>): Promise<string> {
  try {
    await load(args, yaml, env);
  } catch (error) {
    assert.ok(isConvoyError(error, 'InvalidArgument'), String(error));
    return error.message;
  }
  return assert.fail('it was accepted');
}

describe('the config file', () => {
  const pool = (line: string): string =>
    `pools:\n- name: one\n  driver: vfs\n  options: {vfs.path: /srv/one}\n- name: two\n  driver: loop\n  options: {loop.path: /srv/two}\n  ${line}\n`;
  const BAD: readonly (readonly [string, string, RegExp])[] = [
    ['an unknown key', 'diverName: x', /: diverName: unknown key; allowed are driverName, nodeId, root,/],
    ['an unknown key of a pool', pool('optoins: {}'), /pools\[1\]\.optoins: unknown key; allowed are name, driver, options, init,/],
    ['an unknown key of http', 'http: {port: 1}', /http\.port: unknown key; allowed are listen/],
    ['a wrong word', pool('init: automatic'), /pools\[1\]\.init is "automatic"; allowed are auto, manual/],
    ['a wrong type', pool('thin: "yes"'), /pools\[1\]\.thin is "yes"; allowed are true, false/],
    ['a word for a boolean of YAML 1.1', pool('thin: yes'), /pools\[1\]\.thin is "yes"; allowed are true, false/],
    ['a number out of its range', pool('overcommit: 0'), /pools\[1\]\.overcommit is 0; allowed are a number above 0/],
    ['a fraction of a job', pool('maxJobs: 1.5'), /pools\[1\]\.maxJobs is 1\.5; allowed is a whole number from 1 to 64/],
    ['a malformed size', pool('defaultVolumeSize: 10 gigs'), /pools\[1\]\.defaultVolumeSize is "10 gigs"; allowed are bytes/],
    ['a negative size', pool('defaultVolumeSize: -1'), /pools\[1\]\.defaultVolumeSize is "-1"/],
    ['a size of nothing', pool('defaultVolumeSize: 0'), /pools\[1\]\.defaultVolumeSize is 0/],
    ['a bandwidth without its unit', pool('bandwidth: 10'), /pools\[1\]\.bandwidth is 10 bytes a second; the least is 64Ki/],
    ['a malformed duration', pool('trashRetention: 2 weeks'), /pools\[1\]\.trashRetention is "2 weeks"; allowed are seconds/],
    [
      'a nested option',
      pool('').replace('{loop.path: /srv/two}', '{loop.path: {a: b}}'),
      /pools\[1\]\.options\.loop\.path is \{"a":"b"\}; allowed/,
    ],
    ['a parameter that is no text', pool('allowParameters: [1]'), /pools\[1\]\.allowParameters\[0\] is 1; allowed is text/],
    ['a pool without a driver', 'pools: [{name: one}]', /pools\[0\]\.driver is required/],
    ['a pool that is no map', 'pools: [one]', /pools\[0\] is "one"; allowed/],
    ['no list of pools', 'pools: {one: {driver: vfs}}', /pools is \{"one":.*allowed is a list of pools/],
    ['an empty key', 'pools:', /pools is null; allowed is a list of pools/],
    ['a list for the file', '- a', /the file is \["a"\]; allowed is a map/],
    ['a duplicate key', 'root: /a\nroot: /b', /is no valid YAML: .*duplicat/i],
    ['broken YAML', 'a: [', /is no valid YAML/],
    ['a tag that would make an object', 'root: !!js/function "x"', /is no valid YAML/],
    [
      'a duplicate pool',
      'pools: [{name: a, driver: vfs, options: {vfs.path: /x}}, {name: a, driver: vfs, options: {vfs.path: /y}}]',
      /pool "a" is configured twice/,
    ],
    ['a bad pool name', 'pools: [{name: A, driver: vfs}]', /pool "A": the name must be/],
    ['a pool named global', 'pools: [{name: global, driver: vfs}]', /not "global"/],
    ['an unknown driver', 'pools: [{name: a, driver: zfs}]', /driver "zfs" is not known; known are btrfs, loop, vfs/],
    [
      'an option of another driver',
      'pools: [{name: a, driver: vfs, options: {loop.path: /x}}]',
      /"loop\.path" is no option of driver vfs; allowed are vfs\.path/,
    ],
    ['a hostile key', 'pools: [{name: a, driver: vfs, options: {__proto__: x}}]', /__proto__/],
    [
      'overlapping pools',
      'pools: [{name: a, driver: vfs, options: {vfs.path: /srv/}}, {name: b, driver: vfs, options: {vfs.path: /srv/x/../y}}]',
      /pools "a" and "b" overlap: \/srv and \/srv\/y/,
    ],
    ['a pool above the root', 'root: /srv/state\npools: [{name: a, driver: vfs, options: {vfs.path: /srv}}]', /holds convoy's own state/],
    ['a relative root', 'root: state', /root is "state"; allowed is an absolute path/],
    ['a root of everything', 'root: /', /root is "\/"/],
    ['a default pool that is none', 'defaultPool: fast', /defaultPool is "fast"; configured pools are vfs/],
    ['a TCP endpoint', 'endpoint: tcp://0.0.0.0:1', /endpoint is "tcp:\/\/0\.0\.0\.0:1"; allowed is unix:\/\/ and/],
    ['a socket path that is too long', `endpoint: /${'x'.repeat(107)}.sock`, /at most 107 bytes/],
    ['a bad plugin name', 'driverName: a_b', /driverName is "a_b"; allowed are/],
    ['a bad node name', 'nodeId: "a b"', /nodeId is "a b"; allowed are/],
    ['a bad HTTP address', 'http: {listen: "9808"}', /http\.listen is "9808"; allowed are HOST:PORT/],
    ['a bad log level', 'log: {level: loud}', /log\.level is "loud"; allowed are trace, debug/],
  ];
  for (const [what, yaml, expected] of BAD)
    it(`refuses ${what} in one line that names it`, async () => {
      const message = await refusal([], yaml);
      assert.match(message, expected);
      assert.doesNotMatch(message, /\n/);
    });

  it('says every problem, the first one in full', async () => {
    assert.match(await refusal([], 'roto: a\nlog: {level: 3}'), /log\.level is 3.*\(and 1 more: roto: unknown key/);
  });

  it('that is missing is refused by its path', async () => {
    assert.match(await refusal(['--config', '/nowhere/convoy.yaml']), /^config file \/nowhere\/convoy\.yaml does not exist$/);
  });

  it('that is a directory is refused as such', async () => {
    assert.match(await refusal(['--config', '/tmp']), /^config file \/tmp is a directory; allowed is a YAML file$/);
  });

  for (const empty of ['', '\n', '# nothing\n', '---\n', '{}'])
    it(`that is empty (${JSON.stringify(empty)}) is all defaults`, async () => {
      assert.deepEqual(await load([], empty), await load([]));
    });

  it('fills a pool with the defaults', async () => {
    const { pools } = await load([], 'pools: [{name: a, driver: vfs, options: {vfs.path: /srv/a}}]');
    assert.deepEqual(pools, [
      {
        name: 'a',
        driver: 'vfs',
        options: { 'vfs.path': '/srv/a' },
        init: 'manual',
        overcommit: 1,
        thin: false,
        onDelete: 'delete',
        trashRetentionMs: 0,
        maxJobs: 2,
        allowParameters: [],
      },
    ]);
  });

  it('gives a pool all that it says, parsed', async () => {
    const yaml = `pools: [{name: a, driver: loop, options: {loop.path: /srv/a}, init: auto, overcommit: 1.5, thin: true, onDelete: retain, trashRetention: 24h,
      defaultVolumeSize: 10Gi, maxJobs: 4, bandwidth: 100Mi, allowParameters: [type]}]\ndefaultPool: a`;
    const config = await load([], yaml);
    assert.equal(config.defaultPool, 'a');
    assert.deepEqual(config.pools[0], {
      name: 'a',
      driver: 'loop',
      options: { 'loop.path': '/srv/a' },
      init: 'auto',
      overcommit: 1.5,
      thin: true,
      onDelete: 'retain',
      trashRetentionMs: 86_400_000,
      defaultSizeBytes: 10n << 30n,
      maxJobs: 4,
      bandwidth: 100 << 20,
      allowParameters: ['type'],
    });
  });
});

describe('daemon options', () => {
  const BAD: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['an unknown option', ['--rot', '/x'], /unknown option --rot; options of convoy daemon are --config, --role/],
    ['an unknown short option', ['-x'], /unknown option -x/],
    ['a stray argument', ['start'], /unexpected argument "start"/],
    ['an option without its value', ['--root'], /option --root needs a value: --root DIR/],
    ['an option where a value should be', ['--root', '--drivers', 'vfs'], /option --root needs a value/],
    ['an option given twice', ['--root', '/a', '--root', '/b'], /option --root is given twice/],
    ['another role', ['--role', 'server'], /--role is "server"; allowed are all, controller, node/],
    ['an unknown driver', ['--drivers', 'zfs'], /--drivers zfs: no such driver; known are btrfs, loop, vfs/],
    ['driver options without a driver', ['--driver-opts', 'vfs.path=/x'], /without --drivers/],
    [
      'a driver option without =',
      ['--drivers', 'vfs', '--driver-opts', 'vfs.path'],
      /--driver-opts "vfs.path" is malformed; allowed is KEY=VALUE/,
    ],
    ['a driver option without a value', ['--drivers', 'vfs', '--driver-opts', 'vfs.path='], /is malformed/],
    ['a driver option without a key', ['--drivers', 'vfs', '--driver-opts', '=x'], /is malformed/],
    [
      'a driver option that no driver has',
      ['--drivers', 'vfs', '--driver-opts', 'loop.path=/x'],
      /--driver-opts loop\.path: no option of vfs; allowed are vfs\.path/,
    ],
    [
      'a driver option given twice',
      ['--drivers', 'vfs', '--driver-opts', 'vfs.path=/x', '--driver-opts', 'vfs.path=/y'],
      /--driver-opts vfs\.path is given twice/,
    ],
    ['a driver given twice', ['--drivers', 'vfs', '--drivers', 'vfs'], /pool "vfs" is configured twice/],
  ];
  for (const [what, args, expected] of BAD) it(`refuse ${what}`, async () => assert.match(await refusal(args), expected));

  it('make one pool of each driver, named after it and made by itself', async () => {
    const { pools, makeDirectories } = await load([
      '--drivers',
      'vfs',
      '--drivers=loop',
      '--driver-opts',
      'loop.path=/srv/l',
      '--driver-opts',
      'vfs.path=/srv/a=b',
    ]);
    assert.deepEqual(
      pools.map(({ name, driver, init, options }) => ({ name, driver, init, options })),
      [
        { name: 'vfs', driver: 'vfs', init: 'auto', options: { 'vfs.path': '/srv/a=b' } },
        { name: 'loop', driver: 'loop', init: 'auto', options: { 'loop.path': '/srv/l' } },
      ],
    );
    assert.deepEqual(makeDirectories, []);
  });

  it('cannot be mixed with the pools of a config file', async () => {
    assert.match(await refusal(['--drivers', 'vfs'], 'pools: [{name: a, driver: vfs}]'), /choose one/);
  });

  it('without drivers or config give one vfs pool below the root', async () => {
    const { pools, makeDirectories } = await load(['--root', '/srv/convoy/']);
    assert.deepEqual(
      pools.map(({ name, driver, init, options }) => ({ name, driver, init, options })),
      [{ name: 'vfs', driver: 'vfs', init: 'auto', options: { 'vfs.path': '/srv/convoy/pools/vfs' } }],
    );
    assert.deepEqual(makeDirectories, ['/srv/convoy/pools/vfs']);
  });
});

describe('precedence', () => {
  const file = 'endpoint: unix:///run/file.sock\nroot: /file\nnodeId: file\nlog: {level: warn}\nhttp: {listen: ""}';
  it('is flag, then environment, then file, then default', async () => {
    const env = { CSI_ENDPOINT: 'unix:///run/env.sock' };
    assert.equal((await load([])).socketPath, '/run/convoy/csi.sock');
    assert.equal((await load([], file)).socketPath, '/run/file.sock');
    assert.equal((await load([], file, env)).socketPath, '/run/env.sock');
    assert.equal((await load(['--endpoint', '/run/flag.sock'], file, env)).socketPath, '/run/flag.sock');
  });

  it('holds for the other settings', async () => {
    const fromFile = await load([], file);
    assert.deepEqual([fromFile.root, fromFile.nodeName, fromFile.logLevel, fromFile.http], ['/file', 'file', 'warn', undefined]);
    const flags = ['--root', '/flag', '--node-id', 'flag', '--log-level', 'debug', '--http-listen', ':0'];
    const fromFlags = await load(flags, file);
    assert.deepEqual(
      [fromFlags.root, fromFlags.nodeName, fromFlags.logLevel, fromFlags.http],
      ['/flag', 'flag', 'debug', { host: '::', port: 0 }],
    );
  });

  it('takes an empty CSI_ENDPOINT for none and reads no other CSI_ variable', async () => {
    const config = await load([], undefined, { CSI_ENDPOINT: '', CSI_ROOT: '/x', CSI_NODE_ID: 'x' });
    assert.deepEqual([config.socketPath, config.root, config.nodeName], ['/run/convoy/csi.sock', '/var/lib/convoy', hostname()]);
  });

  it('names a bad CSI_ENDPOINT', async () => {
    assert.match(await refusal([], undefined, { CSI_ENDPOINT: 'run/x.sock' }), /^CSI_ENDPOINT is "run\/x\.sock"/);
  });
});
