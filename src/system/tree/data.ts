import { readSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { FICLONE, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY, S_IFMT, S_IFREG, SEEK_DATA, SEEK_HOLE } from '../constants.ts';
import { codeError, errnoError, hasCode } from '../errno.ts';
import { check, type FileState, lastErrno, libc, openPath, stateOf, withFd } from '../libc.ts';
import type { Control } from './control.ts';
import { observeSettled } from './freshness.ts';

const CHUNK_BYTES = 8 * 1024 * 1024;
const BUFFER_BYTES = 1024 * 1024;
const ENXIO = 6;
const EINTR = 4;
/** copy_file_range(2) cannot between these two files: EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EBADF of odd file systems, EPERM. */
const NO_RANGE_COPY = new Set([18, 22, 38, 95, 1, 26]);

/** Copies one file sparsely into a new one, fsynced (`Files.copySparse`). A copy that failed is removed. */
export function copySparse(
  request: { readonly from: string; readonly to: string },
  control: Control,
): { unchanged: boolean; copiedBytes: bigint } {
  const { from, to } = request;
  return withFd(openPath(from, O_RDONLY | O_NOFOLLOW), (source) => {
    const { state: before, trusted } = observeSettled(source, control);
    if ((before.mode & S_IFMT) !== S_IFREG) throw codeError('EINVAL', 'copy_file_range', from, 'only a regular file can be copied');
    return withFd(openPath(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600), (target) => {
      try {
        const copiedBytes = copyRanges(source, target, before.size, control);
        check(libc.fsync(target), 'fsync', to);
        withFd(openPath(dirname(to), O_RDONLY), (directory) => check(libc.fsync(directory), 'fsync', dirname(to)));
        return { unchanged: trusted && isSame(before, stateOf(source, from)), copiedBytes };
      } catch (error) {
        unlinkSync(to);
        throw error;
      }
    });
  });
}

/** True if blocks are now shared; false where the file system cannot, with nothing written. */
export function tryClone(source: number, target: number): 'shared' | 'not this file' | 'never' {
  if (libc.ioctlNumber(target, FICLONE, source) === 0) return 'shared';
  const error = errnoError(lastErrno(), 'ioctl FICLONE');
  if (hasCode(error, 'EOPNOTSUPP', 'ENOTSUP', 'EXDEV', 'ENOTTY', 'ENOSYS')) return 'never';
  // A swap file, or one with checksums off beside one with: only this file cannot.
  if (hasCode(error, 'EINVAL', 'ETXTBSY', 'EPERM', 'EBADF')) return 'not this file';
  throw error;
}

/** Copies data ranges, leaves holes, gives the target `size`. The answer is the bytes that were data. */
export function copyRanges(source: number, target: number, size: bigint, control: Control): bigint {
  check(libc.ftruncate(target, size), 'ftruncate');
  let copied = 0n;
  let method: 'kernel' | 'buffer' = 'kernel';
  for (let start = seek(source, 0n, SEEK_DATA); start !== undefined && start < size; ) {
    const end = min(seek(source, start, SEEK_HOLE) ?? size, size);
    for (let at = start; at < end; ) {
      control.check();
      const wanted = Number(min(end - at, BigInt(CHUNK_BYTES)));
      const done = method === 'kernel' ? rangeCopy(source, target, at, wanted) : bufferCopy(source, target, at, wanted);
      if (done === undefined) {
        method = 'buffer';
        continue;
      }
      if (done === 0) return copied; // the source was cut meanwhile; its change is found by its times
      at += BigInt(done);
      copied += BigInt(done);
      control.add(0, done);
    }
    start = seek(source, end, SEEK_DATA);
  }
  return copied;
}

/** Undefined: not between these two files. */
function rangeCopy(source: number, target: number, at: bigint, length: number): number | undefined {
  const [from, to] = [Buffer.alloc(8), Buffer.alloc(8)];
  from.writeBigInt64LE(at);
  to.writeBigInt64LE(at);
  const copied = libc.copyFileRange(source, from, target, to, length, 0);
  if (copied < 0 && NO_RANGE_COPY.has(lastErrno())) return undefined;
  if (copied < 0 && lastErrno() === EINTR) return rangeCopy(source, target, at, length);
  return check(copied, 'copy_file_range');
}

const shared = { buffer: undefined as Buffer | undefined };

function bufferCopy(source: number, target: number, at: bigint, length: number): number {
  shared.buffer ??= Buffer.allocUnsafe(BUFFER_BYTES);
  const read = readSync(source, shared.buffer, 0, Math.min(length, BUFFER_BYTES), at);
  for (let written = 0; written < read; ) written += writeSync(target, shared.buffer, written, read - written, Number(at) + written);
  return read;
}

/** Undefined past the last data. A file system without SEEK_DATA says that all of it is data. */
function seek(fd: number, offset: bigint, whence: number): bigint | undefined {
  const found = libc.lseek(fd, offset, whence);
  if (found >= 0) return BigInt(found);
  if (lastErrno() === ENXIO) return undefined;
  if (lastErrno() === 22) return whence === SEEK_DATA ? offset : undefined;
  throw errnoError(lastErrno(), 'lseek');
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

function isSame(before: FileState, after: FileState): boolean {
  return before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;
}
