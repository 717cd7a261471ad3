import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Command } from 'commander';
import { EXIT_CODES, EXIT_DOCTOR_FAILED, exitCodeTable } from '../../../src/cli/exit-codes.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { DAEMON_FLAGS } from '../../../src/config/flags.ts';

const ROOT = join(import.meta.dirname, '../../..');
const run = (...args: string[]) =>
  spawnSync(process.execPath, [join(ROOT, 'src/main.ts'), ...args], { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '' } });
const program = createProgram(() => async () => {});

function verbs(command: Command, prefix = ''): readonly { path: string; command: Command }[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .flatMap((child) => {
      const path = `${prefix}${child.name()}`;
      return child.name() === 'help' ? [] : [{ path, command: child }, ...verbs(child, `${path} `)];
    });
}

describe('the help', () => {
  it('lists every verb', () => {
    assert.deepEqual(
      verbs(program).map(({ path }) => path),
      [
        'daemon',
        'info',
        'pools',
        'pools list',
        'pools inspect',
        'pools init',
        'pools adopt',
        'volumes',
        'volumes create',
        'volumes list',
        'volumes inspect',
        'volumes mount',
        'volumes umount',
        'volumes expand',
        'volumes delete',
        'volumes undelete',
        'volumes trash',
        'snapshots',
        'snapshots create',
        'snapshots list',
        'snapshots inspect',
        'snapshots delete',
        'node',
        'node list',
        'node forget',
        'node readmit',
        'orphans',
        'jobs',
        'doctor',
        'completion',
        'version',
      ],
    );
  });

  it('describes every verb and option', () => {
    for (const { path, command } of verbs(program)) {
      assert.notEqual(command.description(), '', path);
      for (const option of command.options) assert.notEqual(option.description, '', `${path} ${option.flags}`);
    }
  });

  it('ends with the exit codes, for every verb', () => {
    for (const args of [['--help'], ['volumes', 'create', '--help'], ['daemon', '--help']]) {
      const { stdout, status } = run(...args);
      assert.equal(status, 0);
      for (const { exit, code } of exitCodeTable()) assert.match(stdout, new RegExp(`^ +${exit} +${code}`, 'm'));
    }
  });

  it('of the daemon shows every option of its fast parser', () => {
    const { stdout } = run('daemon', '--help');
    for (const flag of Object.keys(DAEMON_FLAGS)) assert.ok(stdout.includes(`--${flag} <`), flag);
  });

  it("has Convoy's own verbs as well, unseen", () => {
    const names = program.commands.map((command) => command.name());
    for (const name of ['create', 'delete', 'mount', 'umount', 'list', 'inspect']) assert.ok(names.includes(name), name);
  });
});

describe('exit codes', () => {
  it('differ by error', () => {
    const codes = [0, EXIT_DOCTOR_FAILED, ...Object.values(EXIT_CODES)];
    assert.equal(new Set(codes).size, codes.length);
  });

  const USAGE: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['an unknown verb', ['frobnicate'], /unknown command 'frobnicate'/],
    ['an unknown option', ['volumes', 'list', '--al'], /unknown option '--al'/],
    ['a missing argument', ['volumes', 'inspect'], /missing required argument 'volume'/],
    ['an argument too many', ['info', 'x'], /too many arguments/],
    ['a malformed size', ['volumes', 'create', 'x', '--size', '10 gigs'], /--size is "10 gigs"; allowed are bytes/],
    ['a malformed driver parameter', ['volumes', 'create', 'x', '--opt', 'a'], /--opt "a" is malformed/],
    ['a bad endpoint', ['info', '--endpoint', 'tcp://x'], /--endpoint is "tcp:\/\/x"; allowed is unix/],
    ['an unknown shell', ['completion', 'tcsh'], /shell is "tcsh"; allowed are bash, zsh, fish/],
    ['daemon after another option', ['--json', 'daemon'], /daemon/],
    ['an unknown daemon option', ['daemon', '--rot', '/x'], /unknown option --rot/],
    ['a bad config', ['daemon', '--config', '/nowhere.yaml'], /config file \/nowhere\.yaml does not exist/],
  ];
  for (const [what, args, message] of USAGE)
    it(`are 2 for ${what}, with one message on stderr`, () => {
      const { status, stdout, stderr } = run(...args);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /^\s+at /m);
    });

  it('are 11 when no daemon answers, with what to do', () => {
    const { status, stderr } = run('info', '--endpoint', '/nowhere/convoy.sock');
    assert.equal(status, 11);
    assert.match(stderr, /no daemon answers at unix:\/\/\/nowhere\/convoy\.sock: start it/);
  });

  it('come with a JSON error on stderr when JSON is asked for', () => {
    for (const [args, code] of [
      [['info', '--endpoint', '/nowhere/convoy.sock', '--json'], 'Unavailable'],
      [['info', '--json', '--bad'], 'InvalidArgument'],
    ] as const) {
      const { stderr, stdout } = run(...args);
      assert.equal(stdout, '');
      const error = JSON.parse(stderr);
      assert.deepEqual(Object.keys(error), ['code', 'message']);
      assert.equal(error.code, code);
    }
  });
});

describe('completion', () => {
  for (const shell of ['bash', 'zsh', 'fish'])
    it(`gives ${shell} a script that asks this command`, () => {
      const { stdout, status } = run('completion', shell);
      assert.equal(status, 0);
      assert.match(stdout, /convoy complete --/);
    });

  it('in bash is a script that bash can read', () => {
    const { stdout } = run('completion', 'bash');
    assert.equal(spawnSync('bash', ['-n'], { input: stdout }).status, 0);
  });

  it('in bash works without the bash-completion package, and when it is read twice', () => {
    const { stdout } = run('completion', 'bash');
    const script = `
      convoy() { printf '%s\\n' "$*" >&3; printf 'volumes\\tx\\n:4\\n'; }
      compopt() { :; }
      ${stdout}
      ${stdout}
      COMP_WORDS=(convoy vol) COMP_CWORD=1
      __convoy_complete 3>&1
      echo "\${COMPREPLY[@]}"`;
    const { stdout: answer, stderr } = spawnSync('bash', ['--norc'], { input: script, encoding: 'utf8' });
    assert.deepEqual([answer, stderr], ['complete -- vol\nvolumes\n', '']);
  });

  const ANSWERS: readonly (readonly [readonly string[], readonly string[]])[] = [
    [['snap'], ['snapshots']],
    [['volumes', 'un'], ['undelete']],
    [['volumes', 'create', '--sn'], ['--snapshot']],
  ];
  for (const [words, expected] of ANSWERS)
    it(`of "${words.join(' ')}" offers ${expected.join(', ')}`, () => {
      const lines = run('complete', '--', ...words)
        .stdout.split('\n')
        .filter((line) => line.includes('\t'));
      assert.deepEqual(
        lines.map((line) => line.split('\t')[0]),
        expected,
      );
    });
});
