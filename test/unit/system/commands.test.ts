import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandError } from '../../../src/system/api.ts';
import { openCommands } from '../../../src/system/commands.ts';

const commands = openCommands({ sh: 'dash', cat: 'coreutils', 'convoy-no-such-binary': 'convoy-none' }, '');
const shell = async (script: string, call?: Parameters<typeof commands.run>[2]): ReturnType<typeof commands.run> =>
  await commands.run('sh', ['-c', script], call);
const failure = (reason: CommandError['reason'], message: RegExp): ((error: CommandError) => boolean) => {
  return (error) => {
    assert.equal(error.name, 'CommandError');
    assert.equal(error.reason, reason);
    assert.match(error.message, message);
    return true;
  };
};

test('what a command prints and its exit code come back', async () => {
  assert.deepEqual(await shell('echo out; echo err >&2; exit 3', { okCodes: [3] }), { stdout: 'out\n', stderr: 'err\n', exitCode: 3 });
});

test('an exit code that was not allowed is an error with the last line of stderr', async () => {
  await assert.rejects(shell('echo first >&2; echo last >&2; exit 7'), failure('exit', /^sh failed with exit code 7: last$/));
});

test('arguments reach the command as they are', async () => {
  const { stdout } = await commands.run('sh', ['-c', 'printf "%s|" "$@"', '-', 'a b', '$(id)', '']);
  assert.equal(stdout, 'a b|$(id)||');
});

test('input is passed, and a command that does not read it is no error', async () => {
  assert.equal((await commands.run('cat', [], { input: 'hello' })).stdout, 'hello');
  assert.equal((await shell('exit 0', { input: 'x'.repeat(1_000_000) })).exitCode, 0);
});

test('only the path and the C locale are inherited', async () => {
  const { stdout } = await shell('env | cut -d= -f1 | sort | tr "\\n" " "');
  assert.equal(stdout, 'LC_ALL PATH PWD ');
});

test('a binary that is not installed names its package', async () => {
  await assert.rejects(commands.run('convoy-no-such-binary', []), failure('missing', /install the package convoy-none/));
});

test('a binary that is not on the list does not run', async () => {
  await assert.rejects(commands.run('ls', []), failure('missing', /not among/));
});

test('a command out of time is ended with everything that it started', async () => {
  const started = shell('sleep 1000 & echo $!; trap "" TERM; sleep 1000 & wait; wait', { timeoutMs: 200 });
  await assert.rejects(started, failure('timeout', /within 200 ms/));
});

test('an abort ends a running command and keeps another from starting', async () => {
  const abort = new AbortController();
  const running = shell('sleep 1000', { signal: abort.signal });
  abort.abort();
  await assert.rejects(running, failure('aborted', /aborted/));
  await assert.rejects(shell('true', { signal: abort.signal }), failure('aborted', /not started/));
});

test('stderr is kept to its last 2 KiB', async () => {
  const { stderr } = await shell('i=0; while [ $i -lt 1000 ]; do echo line$i >&2; i=$((i+1)); done');
  assert.equal(Buffer.byteLength(stderr), 2048);
  assert.ok(stderr.endsWith('line999\n'));
});

test('a command that prints without end is stopped', async () => {
  await assert.rejects(shell('yes'), failure('exit', /printed more than/));
});

test('has knows what is on the path', async () => {
  assert.equal(await commands.has('sh'), true);
  assert.equal(await commands.has('convoy-no-such-binary'), false);
});
