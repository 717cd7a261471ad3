import { AT_EMPTY_PATH, AT_FDCWD, S_IFLNK, S_IFMT } from '../constants.ts';
import { errnoError, hasCode } from '../errno.ts';
import { check, cString, EMPTY, type FileState, lastErrno, libc } from '../libc.ts';
import { procPath } from './directory.ts';

const ERANGE = 34;
const NOT_SUPPORTED = 95;
/** Largest value and list that Linux allows (XATTR_SIZE_MAX, XATTR_LIST_MAX). */
const MAX_XATTR_BYTES = 65_536;
const listBuffer = Buffer.allocUnsafe(MAX_XATTR_BYTES);
const valueBuffer = Buffer.allocUnsafe(MAX_XATTR_BYTES);

/**
 * Gives a copy what its source has: owner, mode, extended attributes and with them ACLs, times. Both descriptors may be
 * O_PATH ones; going through /proc/self/fd changes exactly the file they stand for, a symbolic link itself included.
 *
 * The order matters: chown clears set-id bits and capabilities, a mode change rewrites an ACL's mask, and all of it
 * moves no time but ctime.
 */
export function copyAttributes(source: number, target: number, state: FileState): void {
  const [from, to] = [cString(procPath(source)), cString(procPath(target))];
  check(libc.fchownat(target, EMPTY, state.uid, state.gid, AT_EMPTY_PATH), 'fchownat');
  if ((state.mode & S_IFMT) !== S_IFLNK) check(libc.chmod(to, state.mode & 0o7777), 'chmod');
  copyXattrs(from, to);
  check(libc.utimensat(AT_FDCWD, to, timespecs(state), 0), 'utimensat');
}

function copyXattrs(from: Buffer, to: Buffer): void {
  const wanted = listXattrs(from);
  // A default ACL of the directory, or an earlier round, may have left some on the copy.
  for (const name of listXattrs(to)) if (!wanted.includes(name)) removeXattr(to, name);
  for (const name of wanted) copyXattr(from, to, name);
}

function copyXattr(from: Buffer, to: Buffer, name: string): void {
  const key = cString(name, 'latin1');
  const size = libc.getxattr(from, key, valueBuffer, MAX_XATTR_BYTES);
  if (size < 0) {
    const error = errnoError(lastErrno(), 'getxattr');
    // Removed meanwhile: the file's ctime tells. Listed but unreadable: not ours to keep.
    if (hasCode(error, 'ENODATA', 'EOPNOTSUPP', 'ENOTSUP')) return;
    throw error;
  }
  if (libc.setxattr(to, key, valueBuffer, size, 0) === 0) return;
  const error = errnoError(lastErrno(), `setxattr ${name}`);
  if (isOurs(name) || !hasCode(error, 'EOPNOTSUPP', 'ENOTSUP', 'EPERM', 'EINVAL')) throw error;
}

function removeXattr(path: Buffer, name: string): void {
  const error = libc.removexattr(path, cString(name, 'latin1')) === 0 ? undefined : errnoError(lastErrno(), `removexattr ${name}`);
  if (error !== undefined && isOurs(name) && !hasCode(error, 'ENODATA')) throw error;
}

/** Names that must arrive. Others (security labels that the target's policy sets, file system properties) may not be settable. */
function isOurs(name: string): boolean {
  return name.startsWith('user.') || name.startsWith('trusted.') || name.startsWith('system.posix_acl_') || name === 'security.capability';
}

/** Names in latin1, as file names are. */
function listXattrs(path: Buffer): string[] {
  const size = libc.listxattr(path, listBuffer, MAX_XATTR_BYTES);
  if (size < 0) {
    if (lastErrno() === NOT_SUPPORTED) return [];
    throw errnoError(lastErrno() === ERANGE ? 7 : lastErrno(), 'listxattr');
  }
  return listBuffer
    .toString('latin1', 0, size)
    .split('\0')
    .filter((name) => name !== '');
}

function timespecs({ atimeNs, mtimeNs }: FileState): Buffer {
  const times = Buffer.alloc(32);
  [atimeNs, mtimeNs].forEach((time, index) => {
    const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    times.writeBigInt64LE((time - nanoseconds) / 1_000_000_000n, index * 16);
    times.writeBigInt64LE(nanoseconds, index * 16 + 8);
  });
  return times;
}
