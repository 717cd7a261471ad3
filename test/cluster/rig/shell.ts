import { type ChildProcess, execFile } from 'node:child_process';

/** A command that ended badly; the message says which, how, and the end of what it printed. */
export class CommandError extends Error {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;

  constructor(command: string, code: number | string, stdout: string, stderr: string) {
    super(`${command} ended with ${code}: ${tail(stderr.trim() === '' ? stdout : stderr)}`);
    this.name = 'CommandError';
    this.code = code;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

const running = new Set<ChildProcess>();

/** What `killRunning` ends with us: a process that leads a group goes with its whole group. */
export function trackRunning(child: ChildProcess): void {
  running.add(child);
  child.once('close', () => running.delete(child));
}

/** For the end by a signal. */
export function killRunning(): void {
  for (const child of running) {
    try {
      process.kill(-(child.pid ?? Number.NaN), 'SIGKILL');
    } catch {
      child.kill('SIGKILL'); // leads no group
    }
  }
}

const MOST_OUTPUT = 256 << 20;
const DEFAULT_TIMEOUT_MS = 5 * 60_000;

/** Runs a command and resolves to its standard output. Rejects with a CommandError. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {
        cwd: options.cwd,
        env: { ...process.env, ...options.env },
        encoding: 'utf8',
        maxBuffer: MOST_OUTPUT,
        timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
        killSignal: 'SIGKILL',
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const how = error.killed === true ? 'a timeout' : (error.signal ?? error.code ?? error.message);
        reject(new CommandError([command, ...args].join(' ').slice(0, 300), how, stdout, stderr));
      },
    );
    trackRunning(child);
    child.stdin?.on('error', () => {}); // it ended without reading all: its exit code says why
    child.stdin?.end(options.input ?? '');
  });
}

/** As `run`; undefined instead of an error, for looking whether something is there. */
export async function tryRun(command: string, args: readonly string[], options: RunOptions = {}): Promise<string | undefined> {
  try {
    return await run(command, args, options);
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

/** Asks until `look` gives something; rejects with what it last threw, or `what`, when the time is over. */
export async function waitFor<T>(what: string, look: () => Promise<T | undefined> | T | undefined, timeoutMs = 60_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    let last = 'not yet';
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > end) throw new Error(`waited ${timeoutMs / 1000} s for ${what}: ${last}`);
    await sleep(100);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

const tail = (text: string): string => (text.length > 3000 ? `…${text.slice(-3000)}` : text).trim();
