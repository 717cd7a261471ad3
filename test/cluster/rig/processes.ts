import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, CACHE, LOGS, RUN } from './paths.ts';
import { sleep, waitFor } from './shell.ts';

/** A process by what no other one can have: its number may be given again, with its start time it may not. */
export interface ProcessRecord {
  readonly name: string;
  readonly pid: number;
  /** In clock ticks since boot. */
  readonly startTime: string;
}

/** Starts a program that outlives us, in a session of its own, its output in logs/NAME.log. */
export async function startDetached(name: string, command: string, args: readonly string[]): Promise<ProcessRecord> {
  mkdirSync(LOGS, { recursive: true });
  mkdirSync(RUN, { recursive: true });
  const log = openSync(join(LOGS, `${name}.log`), 'a');
  try {
    const child = spawn(command, args, {
      cwd: RUN,
      env: { ...process.env, PATH: `${BIN}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
      stdio: ['ignore', log, log],
      detached: true,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return recordOf(name, child.pid ?? 0);
  } finally {
    closeSync(log);
  }
}

export function recordOf(name: string, pid: number): ProcessRecord {
  const startTime = startTimeOf(pid);
  if (startTime === undefined) throw new Error(`${name} (process ${pid}) ended at once:\n${logTail(name)}`);
  return { name, pid, startTime };
}

/** None of one that has ended. */
export function recordIfAlive(name: string, pid: number): readonly ProcessRecord[] {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? [] : [{ name, pid, startTime }];
}

/** Not a zombie: one that ended and that nobody has waited for is over. */
export const isAlive = ({ pid, startTime }: ProcessRecord): boolean => startTimeOf(pid) === startTime;

/** Signals it if it is still the one recorded, and waits for its end. */
export async function killRecorded(record: ProcessRecord, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error; // ended this moment
  }
  await waitFor(`the end of ${record.name} (process ${record.pid})`, () => (isAlive(record) ? undefined : true), 30_000);
}

export function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // ended
  }
}

/** The one child of a process that exists to have it (unshare, nsenter). */
export function onlyChild(name: string, parent: ProcessRecord): Promise<ProcessRecord> {
  return waitFor(`${name} to start`, () => {
    if (!isAlive(parent)) throw new Error(`${parent.name} ended:\n${logTail(parent.name)}`);
    const [child] = childrenOf(parent.pid);
    return child === undefined ? undefined : recordOf(name, child);
  });
}

/** Live processes of this machine, those of pods included. */
export function allProcesses(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => startTimeOf(pid) !== undefined);
}

/** Programs of ours that no state file may tell of: built for the rig and at work in its directory, or building an image. */
export function strays(): readonly number[] {
  return allProcesses().filter((pid) => pid !== process.pid && (isOfCluster(pid) || isOfImageBuild(pid)));
}

const isOfCluster = (pid: number): boolean => linkOf(pid, 'cwd') === RUN && linkOf(pid, 'exe').startsWith(`${BIN}/`);

/** buildah on our store, or a step of a Dockerfile in the root directory that it was given there. */
const isOfImageBuild = (pid: number): boolean =>
  linkOf(pid, 'root').startsWith(`${CACHE}/`) ||
  (linkOf(pid, 'exe').endsWith('/buildah') && commandLineOf(pid).includes(`--root=${CACHE}/buildah`));

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // ended
  }
}

/** Where a link of /proc/PID points; empty when the process is gone or has none. */
export function linkOf(pid: number, name: string): string {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return '';
  }
}

/** SIGKILL to all, again for those that they started meanwhile, until none is left. */
export async function killAll(find: () => readonly number[]): Promise<void> {
  for (let round = 0; round < 100; round += 1) {
    const pids = find();
    if (pids.length === 0) return;
    for (const pid of pids) killQuietly(pid);
    await sleep(50);
  }
  throw new Error(`processes ${find().join(', ')} do not end on SIGKILL`);
}

export function logTail(name: string, lines = 30): string {
  try {
    return readFileSync(join(LOGS, `${name}.log`), 'utf8')
      .split('\n')
      .slice(-lines)
      .join('\n');
  } catch {
    return `(no log of ${name})`;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended this moment
  }
}

function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the name, which is in brackets and may hold anything: state is the first field, start time the twentieth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined; // no such process
  }
}
