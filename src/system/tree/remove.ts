import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  AT_REMOVEDIR,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  FS_IOC_GETFLAGS,
  FS_IOC_SETFLAGS,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from '../constants.ts';
import { codeError, errnoError, hasCode, withPath } from '../errno.ts';
import { check, closeFd, lastErrno, libc, openPath, stateAt, stateOf, withFd } from '../libc.ts';
import { parseMountinfo } from '../mountinfo.ts';
import type { Control } from './control.ts';
import { DT_DIR, fromText, type Name, openDirectory, openEntry, procPath, readEntries, toBytes, toText } from './directory.ts';
import { DirectoryStack, MovedError } from './directory-stack.ts';

/** Times that the walk starts over because its directories were moved, and times that a directory is not yet empty. */
const MAX_RESTARTS = 20;
const MAX_REFILLS = 100;
const ENOENT = 2;
const EPERM = 1;
const EISDIR = 21;
const ENOTEMPTY = 39;
const EEXIST = 17;
const ENOTDIR = 20;

/** How an entry is called in messages; put together only when there is one, because a path can be long. */
export type Label = () => string;

/** Removes a file or a whole tree; absent is fine. Refuses before the first removal if anything is mounted below. */
export function removeTree(path: string, control: Control): void {
  let parent: number;
  try {
    refuseMounts(path);
    parent = openPath(dirname(path), O_PATH | O_DIRECTORY);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  withFd(parent, (fd) => removeAt(fd, fromText(basename(path)), control, () => path));
}

/** The same below an open directory. */
export function removeAt(parent: number, name: Name, control: Control, label: Label): void {
  for (let restart = 0; restart <= MAX_RESTARTS; restart++) {
    try {
      if (removeEntry(parent, name, label) === 'gone') {
        control.add(1, 0);
        return;
      }
      emptyDirectory(parent, name, control, label);
      if (removeDirectory(parent, name, label) === 'gone') {
        control.add(1, 0);
        return;
      }
    } catch (error) {
      if (!(error instanceof MovedError)) throw error;
    }
  }
  throw codeError('EBUSY', 'unlinkat', label(), 'its directories are moved or filled by somebody while they are removed');
}

/** A mount that the kernel would only meet halfway is found before anything is lost. */
function refuseMounts(path: string): void {
  const absolute = join(realpathSync(dirname(path)), basename(path));
  const below = parseMountinfo(readFileSync('/proc/self/mountinfo')).find(
    ({ target }) => target === absolute || target.startsWith(`${absolute}/`),
  );
  if (below !== undefined)
    throw codeError('EXDEV', 'unlinkat', below.target, 'something is mounted there; unmount it first. Nothing was removed');
}

/** Depth first, without recursion and with a bounded number of descriptors. The directory itself stays. */
function emptyDirectory(parent: number, name: Name, control: Control, label: Label): void {
  let root: number;
  try {
    root = openDirectory(parent, name);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw new MovedError(label(), { cause: error });
    throw withPath(error, label());
  }
  const stack = new DirectoryStack(root);
  try {
    emptyBelow(stack, control, label);
  } finally {
    stack.closeAll();
    closeFd(root);
  }
}

function emptyBelow(stack: DirectoryStack, control: Control, label: Label): void {
  const pathOf = (name?: Name): string => [label(), toText(stack.path(name))].filter((part) => part !== '').join('/');
  const pending: Name[][] = [removeFiles(stack.fd, control, pathOf)];
  let refills = 0;
  for (;;) {
    const next = pending.at(-1)?.pop();
    if (next !== undefined) {
      const fd = openForRemoval(stack.fd, next, pathOf);
      if (fd === undefined) continue;
      stack.enter(next, { fd, state: stateOf(fd) });
      pending.push(removeFiles(fd, control, pathOf));
      continue;
    }
    if (stack.depth === 0) return;
    pending.pop();
    const left = stack.leave();
    const outcome = removeDirectory(stack.fd, left, () => pathOf(left));
    if (outcome === 'gone') control.add(1, 0);
    else if (++refills <= MAX_REFILLS) pending.at(-1)?.push(left);
    else throw errnoError(ENOTEMPTY, 'unlinkat', pathOf(left), 'somebody keeps making files in it');
  }
}

/** Removes what is no directory; the answer is the directories. */
function removeFiles(fd: number, control: Control, pathOf: (name?: Name) => string): Name[] {
  const directories: Name[] = [];
  for (const { name, type } of readEntries(fd)) {
    if (type === DT_DIR || removeEntry(fd, name, () => pathOf(name)) === 'directory') directories.push(name);
    else control.add(1, 0);
  }
  return directories;
}

/** Undefined: it is gone, or was something else by now and has been removed. */
function openForRemoval(parent: number, name: Name, pathOf: (name?: Name) => string): number | undefined {
  for (let attempt = 0; attempt < MAX_REFILLS; attempt++) {
    try {
      return openDirectory(parent, name);
    } catch (error) {
      if (hasCode(error, 'EXDEV')) throw codeError('EXDEV', 'unlinkat', pathOf(name), 'something is mounted there; unmount it first');
      if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw withPath(error, pathOf(name));
    }
    if (removeEntry(parent, name, () => pathOf(name)) === 'gone') return undefined;
  }
  throw codeError('EBUSY', 'unlinkat', pathOf(name), 'somebody keeps replacing it');
}

function removeEntry(parent: number, name: Name, label: Label): 'gone' | 'directory' {
  const bytes = toBytes(name);
  for (let cleared = false; ; cleared = true) {
    if (libc.unlinkat(parent, bytes, 0) === 0 || lastErrno() === ENOENT) return 'gone';
    const errno = lastErrno();
    if (errno === EISDIR) return 'directory';
    if (errno === EPERM && !cleared) {
      if (isDirectory(parent, bytes)) return 'directory';
      clearProtection(parent, name);
      continue;
    }
    throw errnoError(errno, 'unlinkat', label());
  }
}

function removeDirectory(parent: number, name: Name, label: Label): 'gone' | 'filled' {
  const bytes = toBytes(name);
  for (let cleared = false; ; cleared = true) {
    if (libc.unlinkat(parent, bytes, AT_REMOVEDIR) === 0 || lastErrno() === ENOENT) return 'gone';
    const errno = lastErrno();
    // Swapped for something else, or filled again: looked at once more.
    if (errno === ENOTEMPTY || errno === EEXIST || errno === ENOTDIR) return 'filled';
    if (errno === EPERM && !cleared) {
      clearProtection(parent, name);
      continue;
    }
    throw errnoError(errno, 'unlinkat', label());
  }
}

function isDirectory(parent: number, name: Buffer): boolean {
  try {
    return (stateAt(parent, name).mode & S_IFMT) === S_IFDIR;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Tenants who may set chattr's +i and +a make files that not even root can remove, on the entry or on its directory. */
function clearProtection(parent: number, name: Name): void {
  clearFlags(parent);
  try {
    withFd(openEntry(parent, name), (entry) => {
      const type = stateOf(entry).mode & S_IFMT;
      // Opening a device or FIFO could do something or wait; only these two can carry the flags anyway.
      if (type === S_IFREG || type === S_IFDIR) withFd(openPath(procPath(entry), O_RDONLY), clearFlags);
    });
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function clearFlags(fd: number): void {
  const flags = Buffer.alloc(8);
  if (libc.ioctl(fd, FS_IOC_GETFLAGS, flags) < 0) return; // a file system without such flags
  const now = flags.readUInt32LE(0);
  if ((now & (FS_IMMUTABLE_FL | FS_APPEND_FL)) === 0) return;
  flags.writeUInt32LE((now & ~(FS_IMMUTABLE_FL | FS_APPEND_FL)) >>> 0, 0);
  check(libc.ioctl(fd, FS_IOC_SETFLAGS, flags), 'ioctl FS_IOC_SETFLAGS');
}
