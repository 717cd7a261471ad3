import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, type CommandResult, type Commands } from './api.ts';

export const DEFAULT_TIMEOUT_MS = 120_000;
/** Between SIGTERM and SIGKILL, and between SIGKILL and giving up on a child that the kernel does not let die. */
const GRACE_MS = 2_000;
const STDOUT_CAP = 4 * 1024 * 1024;
const STDERR_TAIL = 2 * 1024;
const STANDARD_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

type RunOptions = NonNullable<Parameters<Commands['run']>[2]>;
type RunResult = CommandResult & { exitCode: number };
/** Why a child is being ended before it was done. */
type Ending = 'timeout' | 'aborted' | 'overflow';

/** `packages` is the fixed list: each binary that may run and the Debian package that holds it. */
export function openCommands(packages: Readonly<Record<string, string>>, path: string): Commands {
  const directories = [...new Set([...path.split(':').filter((part) => part.startsWith('/')), ...STANDARD_PATH])];
  const environment = { PATH: directories.join(':'), LC_ALL: 'C' };
  return {
    run: async (binary, args, call = {}) => {
      const debianPackage = packages[binary];
      if (debianPackage === undefined) throw new CommandError(binary, 'missing', `${binary} is not among the commands that may run`, {});
      if (call.signal?.aborted === true) throw new CommandError(binary, 'aborted', `${binary} was not started: the call was aborted`, {});
      return await runChild({ binary, args, environment, call, debianPackage });
    },
    has: async (binary) => {
      for (const directory of directories) if (await isExecutable(join(directory, binary))) return true;
      return false;
    },
  };
}

interface ChildRun {
  readonly binary: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly call: RunOptions;
  readonly debianPackage: string;
}

function runChild(run: ChildRun): Promise<RunResult> {
  const { binary, call } = run;
  const timeoutMs = call.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    // A group of its own, so that what the command starts (mount helpers) can be ended with it.
    const child = spawn(binary, run.args, { env: run.environment, cwd: '/', detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    const output = collect(child, () => end('overflow'));
    let ending: Ending | undefined;
    const timers: NodeJS.Timeout[] = [];

    const end = (why: Ending): void => {
      if (ending !== undefined) return;
      ending = why;
      killGroup(child, 'SIGTERM');
      timers.push(setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS));
      timers.push(setTimeout(() => abandon(child, finish), 2 * GRACE_MS));
    };
    const finish = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
      for (const timer of timers) clearTimeout(timer);
      call.signal?.removeEventListener('abort', onAbort);
      const { stdout, stderr } = output();
      const failure = classify({ binary, ending, exitCode, signal, stderr, timeoutMs, okCodes: call.okCodes ?? [0] });
      if (failure === undefined) resolve({ stdout, stderr, exitCode: exitCode ?? 0 });
      else reject(failure);
    };
    const onAbort = (): void => end('aborted');

    timers.push(setTimeout(() => end('timeout'), timeoutMs));
    call.signal?.addEventListener('abort', onAbort, { once: true });
    child.once('close', finish);
    child.once('error', (cause: NodeJS.ErrnoException) => {
      child.removeListener('close', finish);
      ending = undefined;
      for (const timer of timers) clearTimeout(timer);
      call.signal?.removeEventListener('abort', onAbort);
      reject(startError(run, cause));
    });
    // A child that ends without reading its input is judged by its exit code, not by our EPIPE.
    child.stdin.on('error', () => undefined);
    child.stdin.end(call.input ?? '');
  });
}

function collect(child: ChildProcess, onOverflow: () => void): () => { stdout: string; stderr: string } {
  const stdout: Buffer[] = [];
  let stdoutBytes = 0;
  let stderr = Buffer.alloc(0);
  child.stdout?.on('data', (chunk: Buffer) => {
    stdoutBytes += chunk.length;
    if (stdoutBytes <= STDOUT_CAP) stdout.push(chunk);
    else onOverflow();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = Buffer.concat([stderr, chunk]).subarray(-STDERR_TAIL);
  });
  return () => ({ stdout: Buffer.concat(stdout).toString('utf8'), stderr: stderr.toString('utf8') });
}

interface Outcome {
  readonly binary: string;
  readonly ending: Ending | undefined;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly timeoutMs: number;
  readonly okCodes: readonly number[];
}

function classify({ binary, ending, exitCode, signal, stderr, timeoutMs, okCodes }: Outcome): CommandError | undefined {
  const details = { exitCode: exitCode ?? undefined, stderr };
  if (ending === 'timeout') return new CommandError(binary, 'timeout', `${binary} did not end within ${timeoutMs} ms`, details);
  if (ending === 'aborted') return new CommandError(binary, 'aborted', `${binary} was aborted`, details);
  if (ending === 'overflow') return new CommandError(binary, 'exit', `${binary} printed more than ${STDOUT_CAP} bytes`, details);
  if (exitCode !== null && okCodes.includes(exitCode)) return undefined;
  const how = exitCode === null ? `was ended by ${signal ?? 'a signal'}` : `failed with exit code ${exitCode}`;
  const said = stderr.trim().split('\n').at(-1) ?? '';
  return new CommandError(binary, 'exit', `${binary} ${how}${said === '' ? '' : `: ${said.slice(0, 300)}`}`, details);
}

function startError({ binary, debianPackage }: ChildRun, cause: NodeJS.ErrnoException): CommandError {
  const error =
    cause.code === 'ENOENT'
      ? new CommandError(binary, 'missing', `${binary} is not installed: install the package ${debianPackage}`, {})
      : new CommandError(binary, 'exit', `${binary} could not be started: ${cause.message}`, {});
  error.cause = cause;
  return error;
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: it ended by itself meanwhile.
  }
}

/** A child in an uninterruptible call on a dead server cannot be killed; its caller is not kept waiting for it. */
function abandon(child: ChildProcess, finish: (exitCode: null, signal: null) => void): void {
  child.removeAllListeners('close');
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
  finish(null, null);
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false; // absent, or not to be run by us: the same to the caller
  }
}
