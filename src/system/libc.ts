/**
 * The C library through FFI. Only worker threads import this file: every call is synchronous, because koffi's
 * asynchronous calls lose `errno`, and the main thread must not wait for a disk.
 *
 * Paths are Buffers ending in NUL: file names are bytes, not text. `path` arguments beside them are for error messages.
 */
import { errno, load } from 'koffi';
import { AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_STATX_FORCE_SYNC, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, SYS_OPENAT2 } from './constants.ts';
import { errnoError } from './errno.ts';

type Bytes = Uint8Array | null;
const library = load('libc.so.6');
const declare = <F>(name: string, result: string, parameters: readonly string[]): F =>
  library.func(name, result, [...parameters]) as unknown as F;

/** syscall(2) with the argument shapes in use; it passes registers, so a fixed prototype is right on x86-64 and arm64. */
export const syscall4 = declare<(number: number, fd: number, path: Bytes, data: Bytes, size: number) => number>('syscall', 'long', [
  'long',
  'int',
  'void *',
  'void *',
  'size_t',
]);
export const syscall3 = declare<(number: number, fd: number, path: Bytes, flags: number) => number>('syscall', 'long', [
  'long',
  'int',
  'void *',
  'uint',
]);
export const syscallMoveMount = declare<(number: number, fromFd: number, from: Bytes, toFd: number, to: Bytes, flags: number) => number>(
  'syscall',
  'long',
  ['long', 'int', 'void *', 'int', 'void *', 'uint'],
);
export const syscallSetAttr = declare<(number: number, fd: number, path: Bytes, flags: number, attr: Bytes, size: number) => number>(
  'syscall',
  'long',
  ['long', 'int', 'void *', 'uint', 'void *', 'size_t'],
);
export const libc = {
  close: declare<(fd: number) => number>('close', 'int', ['int']),
  statx: declare<(fd: number, path: Bytes, flags: number, mask: number, out: Bytes) => number>('statx', 'int', [
    'int',
    'void *',
    'int',
    'uint',
    'void *',
  ]),
  mount: declare<(source: Bytes, target: Bytes, type: Bytes, flags: number, data: Bytes) => number>('mount', 'int', [
    'void *',
    'void *',
    'void *',
    'ulong',
    'void *',
  ]),
  umount2: declare<(target: Bytes, flags: number) => number>('umount2', 'int', ['void *', 'int']),
  ioctl: declare<(fd: number, request: number, data: Bytes) => number>('ioctl', 'int', ['int', 'ulong', 'void *']),
  ioctlNumber: declare<(fd: number, request: number, value: number) => number>('ioctl', 'int', ['int', 'ulong', 'long']),
  mknodat: declare<(fd: number, path: Bytes, mode: number, device: bigint) => number>('mknodat', 'int', [
    'int',
    'void *',
    'uint',
    'uint64',
  ]),
  flock: declare<(fd: number, operation: number) => number>('flock', 'int', ['int', 'int']),
  fallocate: declare<(fd: number, mode: number, offset: bigint, length: bigint) => number>('fallocate', 'int', [
    'int',
    'int',
    'int64',
    'int64',
  ]),
  ftruncate: declare<(fd: number, length: bigint) => number>('ftruncate', 'int', ['int', 'int64']),
  fsync: declare<(fd: number) => number>('fsync', 'int', ['int']),
  syncFileRange: declare<(fd: number, offset: bigint, length: bigint, flags: number) => number>('sync_file_range', 'int', [
    'int',
    'int64',
    'int64',
    'uint',
  ]),
  syncfs: declare<(fd: number) => number>('syncfs', 'int', ['int']),
  renameat2: declare<(fromFd: number, from: Bytes, toFd: number, to: Bytes, flags: number) => number>('renameat2', 'int', [
    'int',
    'void *',
    'int',
    'void *',
    'uint',
  ]),
  unlinkat: declare<(fd: number, path: Bytes, flags: number) => number>('unlinkat', 'int', ['int', 'void *', 'int']),
  mkdirat: declare<(fd: number, path: Bytes, mode: number) => number>('mkdirat', 'int', ['int', 'void *', 'uint']),
  linkat: declare<(fromFd: number, from: Bytes, toFd: number, to: Bytes, flags: number) => number>('linkat', 'int', [
    'int',
    'void *',
    'int',
    'void *',
    'int',
  ]),
  symlinkat: declare<(content: Bytes, fd: number, path: Bytes) => number>('symlinkat', 'int', ['void *', 'int', 'void *']),
  readlinkat: declare<(fd: number, path: Bytes, out: Bytes, size: number) => number>('readlinkat', 'long', [
    'int',
    'void *',
    'void *',
    'size_t',
  ]),
  getdents64: declare<(fd: number, out: Bytes, size: number) => number>('getdents64', 'long', ['int', 'void *', 'size_t']),
  fchownat: declare<(fd: number, path: Bytes, uid: number, gid: number, flags: number) => number>('fchownat', 'int', [
    'int',
    'void *',
    'uint',
    'uint',
    'int',
  ]),
  chmod: declare<(path: Bytes, mode: number) => number>('chmod', 'int', ['void *', 'uint']),
  utimensat: declare<(fd: number, path: Bytes, times: Bytes, flags: number) => number>('utimensat', 'int', [
    'int',
    'void *',
    'void *',
    'int',
  ]),
  listxattr: declare<(path: Bytes, out: Bytes, size: number) => number>('listxattr', 'long', ['void *', 'void *', 'size_t']),
  getxattr: declare<(path: Bytes, name: Bytes, out: Bytes, size: number) => number>('getxattr', 'long', [
    'void *',
    'void *',
    'void *',
    'size_t',
  ]),
  setxattr: declare<(path: Bytes, name: Bytes, value: Bytes, size: number, flags: number) => number>('setxattr', 'int', [
    'void *',
    'void *',
    'void *',
    'size_t',
    'int',
  ]),
  removexattr: declare<(path: Bytes, name: Bytes) => number>('removexattr', 'int', ['void *', 'void *']),
  lseek: declare<(fd: number, offset: bigint, whence: number) => number | bigint>('lseek', 'int64', ['int', 'int64', 'int']),
  copyFileRange: declare<(from: number, fromOffset: Bytes, to: number, toOffset: Bytes, length: number, flags: number) => number>(
    'copy_file_range',
    'long',
    ['int', 'void *', 'int', 'void *', 'size_t', 'uint'],
  ),
};

/** What statx(2) says of a file; times in nanoseconds. */
export interface FileState {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly ino: bigint;
  readonly size: bigint;
  /** Allocated, in units of 512 bytes. */
  readonly blocks: bigint;
  readonly attributes: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly devMajor: number;
  readonly devMinor: number;
  /** 0 before Linux 5.8. */
  readonly mountId: bigint;
}

/** Throws the errno of the call that just returned `result`, if that is negative. Nothing may be called in between. */
export function check(result: number, syscall: string, path?: string): number {
  if (result < 0) throw errnoError(errno(), syscall, path);
  return result;
}

/** The last call's errno. */
export const lastErrno = (): number => errno();

/** A path or name as the kernel takes it; a NUL inside would silently shorten it, so it is refused. */
export function cString(text: string, encoding: 'utf8' | 'latin1' = 'utf8'): Buffer {
  if (text.includes('\0')) throw errnoError(22, 'open', text.replaceAll('\0', '\\0'), 'a path cannot hold a NUL byte');
  return Buffer.from(`${text}\0`, encoding);
}

export const EMPTY = Buffer.from([0]);

const OPEN_ATTEMPTS = 1_000;

/** openat2(2): relative to a descriptor, or to the working directory. Close-on-exec always. */
export function openAt(fd: number, name: Uint8Array, options: { flags: number; mode?: number; resolve?: number }, path?: string): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(options.flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(options.mode ?? 0), 8);
  how.writeBigUInt64LE(BigInt(options.resolve ?? 0), 16);
  for (let attempt = 1; ; attempt++) {
    const opened = syscall4(SYS_OPENAT2, fd, name, how, 24);
    // EAGAIN: a rename or mount raced with a RESOLVE_BENEATH walk (openat2(2)); EINTR: a signal hit a slow open.
    if (opened < 0 && attempt < OPEN_ATTEMPTS && (errno() === 11 || errno() === 4)) continue;
    return check(opened, 'openat2', path);
  }
}

export function openPath(path: string, flags: number, mode?: number): number {
  return openAt(AT_FDCWD, cString(path), mode === undefined ? { flags } : { flags, mode }, path);
}

const STATX_BASIC_AND_MOUNT = 0x17ff;
const statxBuffer = Buffer.alloc(256);

/** State of what a descriptor (O_PATH too) refers to. */
export function stateOf(fd: number, path?: string): FileState {
  check(libc.statx(fd, EMPTY, AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC, STATX_BASIC_AND_MOUNT, statxBuffer), 'statx', path);
  return parseStatx(statxBuffer);
}

/** State of an entry itself, never of what a link points to. */
export function stateAt(fd: number, name: Uint8Array, path?: string): FileState {
  check(
    libc.statx(fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC, STATX_BASIC_AND_MOUNT, statxBuffer),
    'statx',
    path,
  );
  return parseStatx(statxBuffer);
}

export function closeFd(fd: number): void {
  libc.close(fd);
}

/** Runs `use` with a descriptor and closes it whatever happens. */
export function withFd<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    libc.close(fd);
  }
}

/** struct statx is the same on every architecture, unlike struct stat. */
function parseStatx(buffer: Buffer): FileState {
  const time = (at: number): bigint => buffer.readBigInt64LE(at) * 1_000_000_000n + BigInt(buffer.readUInt32LE(at + 8));
  return {
    attributes: buffer.readBigUInt64LE(8),
    nlink: buffer.readUInt32LE(16),
    uid: buffer.readUInt32LE(20),
    gid: buffer.readUInt32LE(24),
    mode: buffer.readUInt16LE(28),
    ino: buffer.readBigUInt64LE(32),
    size: buffer.readBigUInt64LE(40),
    blocks: buffer.readBigUInt64LE(48),
    atimeNs: time(64),
    ctimeNs: time(96),
    mtimeNs: time(112),
    rdevMajor: buffer.readUInt32LE(128),
    rdevMinor: buffer.readUInt32LE(132),
    devMajor: buffer.readUInt32LE(136),
    devMinor: buffer.readUInt32LE(140),
    mountId: buffer.readBigUInt64LE(144),
  };
}
