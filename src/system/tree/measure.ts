import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFDIR, S_IFMT } from '../constants.ts';
import { hasCode, withPath } from '../errno.ts';
import { closeFd, type FileState, openPath, stateAt, stateOf } from '../libc.ts';
import type { Control } from './control.ts';
import { DT_DIR, DT_UNKNOWN, type Name, openDirectory, readEntries, toBytes, toText } from './directory.ts';
import { DirectoryStack, MovedError } from './directory-stack.ts';

const MOUNT_ROOT = 0x2000n;

/** Counts entries and allocated bytes, the root included, a hard-linked file once. What is mounted below is left out. */
export function measureTree(path: string, control: Control): { entries: number; bytes: bigint } {
  const root = openPath(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const stack = new DirectoryStack(root);
  const seen = new Set<string>();
  const count = (state: FileState): void => {
    const key = `${state.devMajor}:${state.devMinor}:${state.ino}`;
    const again = state.nlink > 1 && (state.mode & S_IFMT) !== S_IFDIR && seen.has(key);
    if (state.nlink > 1 && (state.mode & S_IFMT) !== S_IFDIR) seen.add(key);
    control.add(1, again ? 0 : Number(state.blocks) * 512);
  };
  try {
    count(stateOf(root, path));
    walk(stack, count);
  } catch (error) {
    throw withPath(error, `${path}/${toText(stack.path())}`);
  } finally {
    stack.closeAll();
    closeFd(root);
  }
  return control.done();
}

function walk(stack: DirectoryStack, count: (state: FileState) => void): void {
  const pending: Name[][] = [countFiles(stack.fd, count)];
  for (;;) {
    const next = pending.at(-1)?.pop();
    if (next !== undefined) {
      const fd = tryOpen(stack, next);
      if (fd === undefined) continue;
      const state = stateOf(fd);
      count(state);
      stack.enter(next, { fd, state });
      pending.push(countFiles(fd, count));
    } else {
      if (stack.depth === 0) return;
      pending.pop();
      stack.leave();
    }
  }
}

function countFiles(fd: number, count: (state: FileState) => void): Name[] {
  const directories: Name[] = [];
  for (const { name, type } of readEntries(fd)) {
    if (type === DT_DIR) {
      directories.push(name);
      continue;
    }
    const state = tryState(fd, name);
    if (state === undefined || (state.attributes & MOUNT_ROOT) !== 0n) continue;
    if (type === DT_UNKNOWN && (state.mode & S_IFMT) === S_IFDIR) directories.push(name);
    else count(state);
  }
  return directories;
}

/** Undefined for what is gone, swapped or mounted upon by now: a sum of a living tree is no more exact than that. */
function tryOpen(stack: DirectoryStack, name: Name): number | undefined {
  try {
    return openDirectory(stack.fd, name);
  } catch (error) {
    if (error instanceof MovedError || hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV')) return undefined;
    throw error;
  }
}

function tryState(fd: number, name: Name): FileState | undefined {
  try {
    return stateAt(fd, toBytes(name));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
