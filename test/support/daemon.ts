import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Csi, connect } from './csi.ts';

/** A real `convoy daemon` in a process of its own, with everything it keeps below one directory. */
export interface Daemon {
  readonly pid: number;
  readonly csi: Csi;
  readonly socketPath: string;
  /** Milliseconds from the start of the process to its first answer of "ready". */
  readonly readyMs: number;
  /** How it ended; resolves when it has. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** SIGTERM, and waits for its end. */
  stop(): Promise<void>;
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>;
  /** What it warned of by itself, and calls that failed by a defect of its own; not what it refused to callers. */
  complaints(): readonly string[];
  /** The last lines of what it printed, for messages of failures. */
  logTail(): string;
}

export interface RigPool {
  readonly name: string;
  readonly driver: string;
  /** By wire name: `vfs.path`. */
  readonly options: Readonly<Record<string, string>>;
  readonly thin?: boolean;
  readonly overcommit?: number;
}

export interface DaemonOptions {
  /** Exists; gets `root/`, `csi.sock`, `config.yaml`, `daemon.log`. */
  readonly directory: string;
  readonly pools: readonly RigPool[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: what CONVOY_TEST_MAIN names (such as the built bundle), else src/main.ts. */
  readonly main?: string;
}

const REPOSITORY = join(import.meta.dirname, '../..');
const START_TIMEOUT_MS = 30_000;
const running = new Set<ChildProcess>();
let killsAtExit = false;

/** Starts it and waits until Probe says ready. Rejects with the end of its log when it ends instead. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const started = performance.now();
  const { child, logPath, socketPath } = spawnDaemon(options);
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  const logTail = (): string => readFileSync(logPath, 'utf8').split('\n').slice(-25).join('\n');
  const complaints = (): readonly string[] =>
    readFileSync(logPath, 'utf8')
      .split('\n')
      .filter((line) => /"level":"(warn|error|fatal)"/.test(line) && (!line.includes('"method"') || line.includes('"code":"INTERNAL"')));
  const csi = connect(socketPath);
  const giveUp = ended.then(({ code, signal }) => {
    throw new Error(`convoy daemon ended (${signal ?? code}) before it was ready:\n${logTail()}`);
  });
  try {
    await Promise.race([untilReady(csi), giveUp]);
  } catch (error) {
    csi.close();
    killGroup(child, 'SIGKILL');
    throw error;
  }
  giveUp.catch(() => {}); // it ends later, as it should
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    killGroup(child, signal);
    await ended;
    csi.close();
  };
  const pid = child.pid ?? 0;
  return {
    pid,
    csi,
    socketPath,
    complaints,
    readyMs: performance.now() - started,
    ended,
    logTail,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

function spawnDaemon({ directory, pools, env, main = process.env['CONVOY_TEST_MAIN'] ?? 'src/main.ts' }: DaemonOptions): {
  child: ChildProcess;
  logPath: string;
  socketPath: string;
} {
  const root = join(directory, 'root');
  const socketPath = join(directory, 'csi.sock');
  const configPath = join(directory, 'config.yaml');
  const logPath = join(directory, 'daemon.log');
  mkdirSync(root, { recursive: true });
  const config = {
    root,
    endpoint: `unix://${socketPath}`,
    nodeId: 'rig',
    http: { listen: '' },
    pools: pools.map((pool) => ({ ...pool, init: 'auto' })),
  };
  writeFileSync(configPath, JSON.stringify(config, undefined, 2)); // JSON is YAML
  const log = openSync(logPath, 'a');
  const child = spawn(process.execPath, [main, 'daemon', '--config', configPath], {
    cwd: REPOSITORY,
    stdio: ['ignore', log, log],
    detached: true, // a group of its own: what it started is killed with it
    env: { ...process.env, NODE_COMPILE_CACHE: join(REPOSITORY, '.cache/compile'), ...env },
  });
  closeSync(log);
  // Before anything that unmounts what the daemon holds.
  if (!killsAtExit) process.prependOnceListener('exit', killAll);
  killsAtExit = true;
  running.add(child);
  return { child, logPath, socketPath };
}

async function untilReady(csi: Csi): Promise<void> {
  await csi.ready(START_TIMEOUT_MS);
  const { ready } = await csi.call('Probe', {});
  // Absent means ready (CSI specification, ProbeResponse).
  if (ready?.value === false) throw new Error('convoy daemon answers, but says that it is not ready');
}

function killAll(): void {
  for (const child of running) killGroup(child, 'SIGKILL');
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
