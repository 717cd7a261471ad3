import { fstatSync, statSync } from 'node:fs';
import { AT_FDCWD, BLKGETSIZE64, LOCK_EX, LOCK_NB, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, RENAME_NOREPLACE } from '../constants.ts';
import { codeError, hasCode } from '../errno.ts';
import { check, cString, lastErrno, libc, openPath, stateAt, withFd } from '../libc.ts';

const EINTR = 4;
const EAGAIN = 11;
const EINVAL = 22;

/** Opens and locks; the answer is the descriptor that holds the lock. */
export function lockFile({ path }: { readonly path: string }): number {
  const fd = openForLock(path);
  try {
    if (libc.flock(fd, LOCK_EX | LOCK_NB) < 0) {
      if (lastErrno() === EAGAIN) throw codeError('EWOULDBLOCK', 'flock', path, 'another process holds this lock');
      check(-1, 'flock', path);
    }
    // Whoever held the lock before may have put a new file in place of the one opened here.
    const [held, named] = [fstatSync(fd), statSync(path)];
    if (held.ino !== named.ino || held.dev !== named.dev)
      throw codeError('EWOULDBLOCK', 'flock', path, 'the file was replaced while it was being locked');
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/**
 * rename(2) that never replaces. NFS and some FUSE file systems know no RENAME_NOREPLACE (EINVAL): there the look
 * and the rename are two steps, which is safe as long as all writers of the target hold the pool's lock.
 */
export function renameNoReplace({ from, to }: { readonly from: string; readonly to: string }): void {
  const [source, target] = [cString(from), cString(to)];
  if (libc.renameat2(AT_FDCWD, source, AT_FDCWD, target, RENAME_NOREPLACE) === 0) return;
  if (lastErrno() !== EINVAL) check(-1, 'renameat2', lastErrno() === 17 ? to : from);
  if (exists(target)) throw codeError('EEXIST', 'rename', to);
  check(libc.renameat2(AT_FDCWD, source, AT_FDCWD, target, 0), 'rename', from);
}

/** Size of a block device in bytes (BLKGETSIZE64). */
export function blockSize({ device }: { readonly device: string }): bigint {
  return withFd(openPath(device, O_RDONLY | O_NONBLOCK), (fd) => blockSizeOf(fd, device));
}

export function blockSizeOf(fd: number, device: string): bigint {
  const size = Buffer.alloc(8);
  check(libc.ioctl(fd, BLKGETSIZE64, size), 'ioctl BLKGETSIZE64', device);
  return size.readBigUInt64LE(0);
}

/** fallocate(2), again after a signal. */
export function allocate(fd: number, mode: number, length: bigint, path: string): void {
  for (;;) {
    const result = libc.fallocate(fd, mode, 0n, length);
    if (result < 0 && lastErrno() === EINTR) continue;
    check(result, 'fallocate', path);
    return;
  }
}

/** Writable, because NFS locks only what is; a directory can only be opened for reading. */
function openForLock(path: string): number {
  try {
    return openPath(path, O_RDWR | O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, 'EISDIR')) return openPath(path, O_RDONLY | O_NOFOLLOW);
    throw error;
  }
}

function exists(path: Buffer): boolean {
  try {
    stateAt(AT_FDCWD, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
