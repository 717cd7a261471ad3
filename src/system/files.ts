import { constants } from 'node:fs';
import { chmod, lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Files } from './api.ts';
import { codeError, hasCode } from './errno.ts';
import type { Stats } from './stats.ts';
import type { SyscallClient } from './syscall-client.ts';
import type { TreeJobs } from './tree-jobs.ts';

const DEFAULT_MODE = 0o600;

/** `fast` answers in microseconds; `slow` is for what waits for a disk (reserving, cloning). */
export function openFiles(lanes: {
  readonly fast: SyscallClient;
  readonly slow: SyscallClient;
  readonly stats: Stats;
  readonly jobs: TreeJobs;
}): Files {
  const { fast, slow, stats, jobs } = lanes;
  const writing = new Map<string, Promise<void>>();
  return {
    writeDurable: async (path, text, options = {}) =>
      await oneAtATime(writing, path, async () => await replaceFile(path, text, options.mode ?? DEFAULT_MODE)),
    renameDurable: async (from, to) => {
      await fast.call('renameNoReplace', { from, to });
      await sync(dirname(to), constants.O_DIRECTORY);
      if (dirname(from) !== dirname(to)) await sync(dirname(from), constants.O_DIRECTORY);
    },
    mkdirDurable: makeDirectory,
    syncFile: async (path) => await sync(path, 0),
    syncDirectory: async (path) => await sync(path, constants.O_DIRECTORY),
    stats,
    lock: async (path) => {
      const fd = await fast.call('lockFile', { path });
      let locked = true;
      const release = async (): Promise<void> => {
        if (!locked) return;
        locked = false;
        await fast.call('closeFd', { fd });
      };
      return { release };
    },
    cloneFile: async (from, to) => await slow.call('cloneFile', { from, to }),
    canClone: async (directory) => await fast.call('canClone', { directory }),
    createImage: async (path, sizeBytes, { thin, mode = DEFAULT_MODE }) => {
      await slow.call('createImage', { path, sizeBytes, thin, mode });
      await sync(dirname(path), constants.O_DIRECTORY);
    },
    growImage: async (path, sizeBytes, { thin }) => await slow.call('growImage', { path, sizeBytes, thin }),
    copySparse: async (from, to, call) => await jobs.run('copySparse', { from, to, bandwidth: call.bandwidth }, call),
  };
}

/**
 * One temporary name for each path, so that what a crash leaves is overwritten by the next write. Writers of one path
 * in this process wait for each other; other processes are kept out by the pool's lock.
 */
async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  try {
    await unlink(temporary);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  try {
    const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode);
    try {
      await file.writeFile(text);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
  await sync(dirname(path), constants.O_DIRECTORY);
}

async function makeDirectory(path: string, mode = 0o700): Promise<void> {
  try {
    await mkdir(path, { mode });
    await chmod(path, mode); // mkdir's mode is cut by the umask
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    if (!(await lstat(path)).isDirectory()) throw codeError('ENOTDIR', 'mkdir', path, 'something that is no directory stands there');
  }
  // Also for one that was there: whoever made it may have been killed before this line.
  await sync(dirname(path), constants.O_DIRECTORY);
}

async function sync(path: string, flags: number): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | flags);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function oneAtATime(queue: Map<string, Promise<void>>, key: string, work: () => Promise<void>): Promise<void> {
  const before = queue.get(key) ?? Promise.resolve();
  const mine = before.catch(() => undefined).then(work);
  queue.set(key, mine);
  try {
    await mine;
  } finally {
    if (queue.get(key) === mine) queue.delete(key);
  }
}
