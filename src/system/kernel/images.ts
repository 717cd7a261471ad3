import { statfsSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  FALLOC_FL_KEEP_SIZE,
  FICLONE,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_WRONLY,
  S_IFMT,
  S_IFREG,
} from '../constants.ts';
import { codeError, hasCode } from '../errno.ts';
import { check, libc, openPath, stateOf, withFd } from '../libc.ts';
import { allocate } from './file.ts';

/** FICLONE of a whole regular file into a new one with the same mode bits; nothing is left behind when it fails. */
export function cloneFile({ from, to }: { readonly from: string; readonly to: string }): void {
  withFd(openPath(from, O_RDONLY | O_NOFOLLOW), (source) => {
    const { mode } = stateOf(source, from);
    if ((mode & S_IFMT) !== S_IFREG) throw codeError('EINVAL', 'ioctl FICLONE', from, 'only a regular file can be cloned');
    withNewFile(to, mode & 0o777, (target) => check(libc.ioctlNumber(target, FICLONE, source), 'ioctl FICLONE', to));
  });
}

/** Tried with two files of our own; nameless ones where the file system has them, so that a crash leaves nothing. */
export function canClone({ directory }: { readonly directory: string }): boolean {
  try {
    return withFd(openScratch(directory), (from) =>
      withFd(openScratch(directory), (to) => {
        // Empty ones: a file system that cannot share says so before it looks at the size, and a full one can still answer.
        check(libc.ioctlNumber(to, FICLONE, from), 'ioctl FICLONE', directory);
        return true;
      }),
    );
  } catch (error) {
    // ENOSPC, EDQUOT: not even an inode is left. Nothing can be cloned now; a pool on a full disk must open all the same.
    if (hasCode(error, 'EOPNOTSUPP', 'ENOTSUP', 'EINVAL', 'ENOTTY', 'EXDEV', 'ENOSYS', 'ENOSPC', 'EDQUOT')) return false;
    throw error;
  }
}

/**
 * A new file of `sizeBytes`. Without `thin` all its blocks are reserved; asked for more than there is, it is refused
 * before the disk has been filled, for the sake of whoever else writes to it.
 */
export function createImage(request: {
  readonly path: string;
  readonly sizeBytes: bigint;
  readonly thin: boolean;
  readonly mode: number;
}): void {
  const { path, sizeBytes, thin, mode } = request;
  if (!thin) requireSpace(path, sizeBytes);
  withNewFile(path, mode, (fd) => {
    if (!thin && sizeBytes > 0n) allocate(fd, 0, sizeBytes, path);
    check(libc.ftruncate(fd, sizeBytes), 'ftruncate', path);
    check(libc.fsync(fd), 'fsync', path);
  });
}

/** Grows to `sizeBytes`; a file that is as large or larger keeps its size. Unless thin, holes are reserved as well. */
export function growImage(request: { readonly path: string; readonly sizeBytes: bigint; readonly thin: boolean }): void {
  const { path, sizeBytes, thin } = request;
  withFd(openPath(path, O_RDWR | O_NOFOLLOW), (fd) => {
    const { size, blocks } = stateOf(fd, path);
    const grows = sizeBytes > size;
    const wanted = grows ? sizeBytes : size;
    if (!thin) reserve(fd, { path, size, wanted, allocated: blocks * 512n });
    if (grows) check(libc.ftruncate(fd, wanted), 'ftruncate', path);
    check(libc.fsync(fd), 'fsync', path);
  });
}

/** Reserves beyond the end first and lets the size follow, so that a full disk leaves the file as it was. */
function reserve(fd: number, file: { path: string; size: bigint; wanted: bigint; allocated: bigint }): void {
  if (file.wanted > file.allocated) requireSpace(file.path, file.wanted - file.allocated);
  try {
    if (file.wanted > 0n) allocate(fd, FALLOC_FL_KEEP_SIZE, file.wanted, file.path);
  } catch (error) {
    libc.ftruncate(fd, file.size); // gives back what was reserved beyond the end
    throw error;
  }
}

function requireSpace(path: string, bytes: bigint): void {
  const { bavail, bsize } = statfsSync(dirname(path), { bigint: true });
  if (bavail * bsize < bytes) throw codeError('ENOSPC', 'fallocate', path, `${bytes} bytes are needed and ${bavail * bsize} are free`);
}

/** A file that is removed again if `fill` throws. */
function withNewFile(path: string, mode: number, fill: (fd: number) => void): void {
  withFd(openPath(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode), (fd) => {
    try {
      fill(fd);
    } catch (error) {
      unlinkSync(path);
      throw error;
    }
  });
}

function openScratch(directory: string): number {
  try {
    return openPath(directory, O_TMPFILE | O_RDWR, 0o600);
  } catch (error) {
    if (!hasCode(error, 'EOPNOTSUPP', 'ENOTSUP', 'EISDIR', 'EINVAL')) throw error;
    const path = `${directory}/.clone-probe-${process.pid}`;
    const fd = openPath(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    unlinkSync(path);
    return fd;
  }
}
