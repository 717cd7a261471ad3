import { statfs } from 'node:fs/promises';
import type { Commands, Files, FsStats } from './api.ts';
import { CommandError } from './api.ts';
import { codeError } from './errno.ts';

export type Stats = Files['stats'];

const DEFAULT_TIMEOUT_MS = 5_000;
/**
 * Node does file work on four threads. A statfs of a dead server keeps its thread for as long as the server is dead,
 * so of those that outlive their deadline only so many are tolerated; with that many stuck, further paths are asked
 * through a child process, which can be left behind.
 */
const STUCK_LIMIT = 2;

interface Asking {
  readonly answer: Promise<FsStats>;
  late: boolean;
}

/** statfs(2) with a deadline. Callers of one path share one system call. */
export function openStats(commands: Commands): Stats {
  const asking = new Map<string, Asking>();
  const stuck = (): number => [...asking.values()].filter(({ late }) => late).length;

  const ask = (path: string): Asking => {
    const answer = statfs(path, { bigint: true }).then(
      ({ blocks, bfree, bavail, bsize, files, ffree, type }): FsStats => toStats({ blocks, bfree, bavail, bsize, files, ffree, type }),
    );
    const started: Asking = { answer, late: false };
    asking.set(path, started);
    const forget = (): void => {
      if (asking.get(path) === started) asking.delete(path);
    };
    answer.then(forget, forget);
    return started;
  };

  return async (path, options = {}) => {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const known = asking.get(path);
    if (known === undefined && stuck() >= STUCK_LIMIT) return await askChild(commands, path, timeoutMs);
    const current = known ?? ask(path);
    return await withDeadline(current, path, timeoutMs);
  };
}

function withDeadline(asked: Asking, path: string, timeoutMs: number): Promise<FsStats> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      asked.late = true;
      reject(timedOut(path, timeoutMs));
    }, timeoutMs);
    asked.answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

async function askChild(commands: Commands, path: string, timeoutMs: number): Promise<FsStats> {
  try {
    const { stdout } = await commands.run('stat', ['--file-system', '--printf=%b %f %a %S %c %d %t', '--', path], { timeoutMs });
    const [blocks = 0n, bfree = 0n, bavail = 0n, bsize = 0n, files = 0n, ffree = 0n, type = 0n] = stdout
      .split(' ')
      .map((field, index) => BigInt(index === 6 ? `0x${field}` : field));
    return toStats({ blocks, bfree, bavail, bsize, files, ffree, type });
  } catch (error) {
    if (error instanceof CommandError && error.reason === 'timeout') throw timedOut(path, timeoutMs);
    throw error;
  }
}

function toStats(raw: {
  blocks: bigint;
  bfree: bigint;
  bavail: bigint;
  bsize: bigint;
  files: bigint;
  ffree: bigint;
  type: bigint;
}): FsStats {
  return {
    totalBytes: raw.blocks * raw.bsize,
    availableBytes: raw.bavail * raw.bsize,
    usedBytes: (raw.blocks - raw.bfree) * raw.bsize,
    totalInodes: raw.files,
    freeInodes: raw.ffree,
    usedInodes: raw.files - raw.ffree,
    type: Number(raw.type),
  };
}

function timedOut(path: string, timeoutMs: number): Error {
  return codeError('ETIMEDOUT', 'statfs', path, `the file system did not answer within ${timeoutMs} ms: is its server or disk reachable?`);
}
