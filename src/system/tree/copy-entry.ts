import {
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../constants.ts';
import { codeError } from '../errno.ts';
import { check, cString, EMPTY, type FileState, lastErrno, libc, openPath, stateAt, withFd } from '../libc.ts';
import { copyAttributes } from './attributes.ts';
import type { Control } from './control.ts';
import type { CopyRun } from './copy-pass.ts';
import { copyRanges, tryClone } from './data.ts';
import { type Name, openBeneath, openEntry, procPath, toBytes, toText } from './directory.ts';
import { DirectoryStack } from './directory-stack.ts';
import type { Observation } from './freshness.ts';
import { removeAt } from './remove.ts';

/** SYNC_FILE_RANGE_WAIT_BEFORE | WRITE | WAIT_AFTER */
const SYNC_AND_WAIT = 7;
const EINVAL = 22;
const ESPIPE = 29;

/** The copy of a file with several names, to which its further names are linked. */
export interface FirstLink {
  /** Below the target, in bytes. */
  readonly path: readonly Name[];
  readonly name: Name;
  /** In which the source was when that copy was made: further names are only as good as that. */
  readonly seen: Observation;
  readonly targetIno: bigint;
}

export interface SourceEntry {
  readonly name: Name;
  /** O_PATH descriptor of the entry itself. */
  readonly fd: number;
  /** As it was before any of its content was read. */
  readonly seen: Observation;
  /** Something of an earlier pass may stand at the copy's place. */
  readonly replace: boolean;
}

/** Copies what is no directory to the innermost directory of `target`; sockets are left out. */
export function copyEntry(run: CopyRun, target: DirectoryStack, entry: SourceEntry): { recorded: Observation; bytes: bigint } {
  const { name, seen } = entry;
  const { state } = seen;
  if (entry.replace) removeAt(target.fd, name, run.control, () => toText(target.path(name)));
  const first = run.links.get(linkKey(state));
  if (first !== undefined && state.nlink > 1 && linkTo(run, target, name, first)) return { recorded: first.seen, bytes: 0n };
  const bytes = create(run, target.fd, entry);
  if (state.nlink > 1 && (state.mode & S_IFMT) !== S_IFSOCK) rememberLink(run, target, name, seen);
  return { recorded: seen, bytes };
}

/**
 * An unchanged name of a file with several: it stays, but must share one copy with the names seen in this pass.
 * True if the copy had to be made anew.
 */
export function keepLinked(run: CopyRun, target: DirectoryStack, entry: SourceEntry): boolean {
  const { name, seen } = entry;
  const { state } = seen;
  if ((state.mode & S_IFMT) === S_IFSOCK) return false;
  const first = run.links.get(linkKey(state));
  if (first === undefined) {
    rememberLink(run, target, name, seen);
    return false;
  }
  if (stateAt(target.fd, toBytes(name)).ino === first.targetIno) return false;
  removeAt(target.fd, name, run.control, () => toText(target.path(name)));
  if (!linkTo(run, target, name, first)) create(run, target.fd, entry);
  return true;
}

/** Makes a directory of the copy, in place of whatever else may stand there. True if it was made. */
export function ensureDirectory(parent: number, name: Name, control: Control): boolean {
  const bytes = toBytes(name);
  if (libc.mkdirat(parent, bytes, 0o700) === 0) return true;
  if (lastErrno() !== 17) check(-1, 'mkdirat');
  if ((stateAt(parent, bytes).mode & S_IFMT) === S_IFDIR) return false;
  removeAt(parent, name, control, () => toText(name));
  check(libc.mkdirat(parent, bytes, 0o700), 'mkdirat');
  return true;
}

function create(run: CopyRun, parent: number, entry: SourceEntry): bigint {
  const { name, fd } = entry;
  const { state } = entry.seen;
  const bytes = toBytes(name);
  const type = state.mode & S_IFMT;
  if (type === S_IFSOCK) return 0n;
  if (type === S_IFREG) return createFile(run, parent, entry);
  if (type === S_IFLNK) check(libc.symlinkat(readLink(fd), parent, bytes), 'symlinkat');
  else if (type === S_IFIFO || type === S_IFCHR || type === S_IFBLK)
    check(libc.mknodat(parent, bytes, type | 0o600, deviceNumber(state)), 'mknodat');
  else throw codeError('EOPNOTSUPP', 'copy', undefined, `a file of unknown type (mode ${state.mode.toString(8)}) cannot be copied`);
  withFd(openEntry(parent, name), (made) => copyAttributes(fd, made, state));
  return 0n;
}

function createFile(run: CopyRun, parent: number, { name, fd, seen: { state } }: SourceEntry): bigint {
  return withFd(openBeneath(parent, name, O_WRONLY | O_CREAT | O_EXCL, 0o600), (made) => {
    const bytes = state.size === 0n ? 0n : withFd(openPath(procPath(fd), O_RDONLY), (source) => fill(run, source, made, state));
    copyAttributes(fd, made, state);
    return bytes;
  });
}

function fill(run: CopyRun, source: number, made: number, state: FileState): bigint {
  flushPages(source);
  const cloned = run.sharing.possible ? tryClone(source, made) : 'never';
  if (cloned === 'shared') {
    run.sharing.shared++;
    return state.blocks * 512n;
  }
  if (cloned === 'never') run.sharing.possible = false;
  run.sharing.copied++;
  return copyRanges(source, made, state.size, run.control);
}

/**
 * A store through a memory map into a page that is dirty already changes no time. The pages are written back between
 * taking the state and reading the content: a later store finds its page clean again, and shows in ctime.
 */
function flushPages(source: number): void {
  if (libc.syncFileRange(source, 0n, 0n, SYNC_AND_WAIT) === 0) return;
  // ESPIPE, EINVAL: not a file with pages, or a file system that has none to write (proc, some FUSE).
  if (![EINVAL, ESPIPE].includes(lastErrno())) check(-1, 'sync_file_range');
}

function rememberLink(run: CopyRun, target: DirectoryStack, name: Name, seen: Observation): void {
  const targetIno = stateAt(target.fd, toBytes(name)).ino;
  run.links.set(linkKey(seen.state), { path: target.names(), name, seen, targetIno });
}

/** False if the file already has as many names as its file system allows. */
function linkTo(run: CopyRun, target: DirectoryStack, name: Name, first: FirstLink): boolean {
  const stack = new DirectoryStack(run.target);
  try {
    for (const directory of first.path) stack.enter(directory);
    return withFd(openEntry(stack.fd, first.name), (fd) => {
      if (libc.linkat(AT_FDCWD, cString(procPath(fd)), target.fd, toBytes(name), AT_SYMLINK_FOLLOW) === 0) return true;
      if (lastErrno() === 31) return false;
      check(-1, 'linkat');
      return false;
    });
  } finally {
    stack.closeAll();
  }
}

/** Content of a symbolic link, with the NUL that symlinkat wants. */
function readLink(fd: number): Buffer {
  const content = Buffer.alloc(4_097);
  const length = check(libc.readlinkat(fd, EMPTY, content, 4_096), 'readlinkat');
  return content.subarray(0, length + 1);
}

/** dev_t as glibc encodes it. */
function deviceNumber({ rdevMajor, rdevMinor }: FileState): bigint {
  const [major, minor] = [BigInt(rdevMajor), BigInt(rdevMinor)];
  return (minor & 0xffn) | ((major & 0xfffn) << 8n) | ((minor & ~0xffn) << 12n) | ((major & ~0xfffn) << 32n);
}

function linkKey({ devMajor, devMinor, ino }: FileState): string {
  return `${devMajor}:${devMinor}:${ino}`;
}
