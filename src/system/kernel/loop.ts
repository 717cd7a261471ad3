import { existsSync, readdirSync } from 'node:fs';
import {
  AT_FDCWD,
  LO_FLAGS_AUTOCLEAR,
  LO_FLAGS_DIRECT_IO,
  LO_FLAGS_READ_ONLY,
  LOOP_CLR_FD,
  LOOP_CONFIGURE,
  LOOP_CTL_GET_FREE,
  LOOP_GET_STATUS64,
  LOOP_MAJOR,
  LOOP_SET_CAPACITY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  S_IFBLK,
  S_IFMT,
  S_IFREG,
} from '../constants.ts';
import { codeError, hasCode } from '../errno.ts';
import { check, closeFd, cString, type FileState, lastErrno, libc, openPath, stateOf, withFd } from '../libc.ts';
import type { LoopState } from '../syscall-protocol.ts';
import { blockSizeOf } from './file.ts';

/** struct loop_config: fd, block_size, loop_info64 (232 bytes), reserved. */
const CONFIG_BYTES = 304;
const CONFIG_INFO = 8;
const INFO_BYTES = 232;
const INFO_FLAGS = 52;
const INFO_FILE_NAME = 56;
/** Processes that attach at the same moment are given the same free number; all but one try again. */
const ATTACH_ATTEMPTS = 500;
const EINVAL = 22;

export function attachLoop(request: {
  readonly backing: string;
  readonly readOnly: boolean;
  readonly autoclear: boolean;
}): LoopState & { readonly fd: number } {
  const { backing, readOnly } = request;
  return withFd(openPath(backing, (readOnly ? O_RDONLY : O_RDWR) | O_NOFOLLOW), (file) => {
    if ((stateOf(file, backing).mode & S_IFMT) !== S_IFREG)
      throw codeError('EINVAL', 'ioctl LOOP_CONFIGURE', backing, 'only a regular file can back a loop device');
    const flags = (readOnly ? LO_FLAGS_READ_ONLY : 0) | (request.autoclear ? LO_FLAGS_AUTOCLEAR : 0);
    return withFd(openPath('/dev/loop-control', O_RDWR), (control) => configureFree(control, { file, backing, flags }));
  });
}

/** By device and inode of the backing file, as the kernel holds it. */
export function findLoops({ backing }: { readonly backing: string }): readonly LoopState[] {
  return withFd(openPath(backing, O_PATH | O_NOFOLLOW), (file) => {
    const wanted = stateOf(file, backing);
    return attachedNumbers().flatMap((number) => {
      try {
        return withFd(openDevice(number, O_RDONLY), (fd) => (isBackedBy(fd, wanted) ? [describe(fd, number)] : []));
      } catch (error) {
        // Detached or removed between listing and looking.
        if (hasCode(error, 'ENXIO', 'ENODEV', 'ENOENT')) return [];
        throw error;
      }
    });
  });
}

export function holdLoop({ device }: { readonly device: string }): LoopState & { readonly fd: number } {
  const number = loopNumber(device);
  return keepOpen(openDevice(number, O_RDONLY), (fd) => describe(fd, number));
}

export function refreshLoop({ device }: { readonly device: string }): void {
  withFd(openDevice(loopNumber(device), O_RDONLY), (fd) =>
    check(libc.ioctlNumber(fd, LOOP_SET_CAPACITY, 0), 'ioctl LOOP_SET_CAPACITY', device),
  );
}

export function detachLoop({ device, backing }: { readonly device: string; readonly backing: string }): void {
  const wanted = withFd(openPath(backing, O_PATH | O_NOFOLLOW), (file) => stateOf(file, backing));
  try {
    withFd(openDevice(loopNumber(device), O_RDONLY), (fd) => {
      // The device cannot be given another file between these two: we have it open.
      if (isBackedBy(fd, wanted)) check(libc.ioctlNumber(fd, LOOP_CLR_FD, 0), 'ioctl LOOP_CLR_FD', device);
    });
  } catch (error) {
    if (!hasCode(error, 'ENXIO', 'ENODEV', 'ENOENT')) throw error;
  }
}

function configureFree(control: number, source: { file: number; backing: string; flags: number }): LoopState & { readonly fd: number } {
  for (let attempt = 0; attempt < ATTACH_ATTEMPTS; attempt++) {
    const number = check(libc.ioctlNumber(control, LOOP_CTL_GET_FREE, 0), 'ioctl LOOP_CTL_GET_FREE', '/dev/loop-control');
    try {
      return withFd(openDevice(number, O_RDWR), (device) => {
        configure(device, source);
        // Held read-only from here on: kernels that forbid writing to mounted devices count writers.
        return keepOpen(openDevice(number, O_RDONLY), (fd) => describe(fd, number));
      });
    } catch (error) {
      if (!hasCode(error, 'EBUSY', 'ENXIO', 'ENODEV')) throw error;
    }
  }
  throw codeError(
    'EBUSY',
    'ioctl LOOP_CONFIGURE',
    source.backing,
    `no loop device could be had in ${ATTACH_ATTEMPTS} attempts: other processes take each one first`,
  );
}

const SECTOR_BYTES = 512;

/**
 * Sectors are 512 bytes, always. Left to the kernel, a file gets what direct I/O needs at this moment, and on xfs that grows to
 * 4096 once blocks are shared: a volume would change its sector size with its first snapshot, and its file system (made for
 * 512) could not be mounted any more. A disk or file system that cannot do direct I/O in such sectors makes some kernels refuse
 * and others drop the flag without a word: what became of it is read back.
 */
function configure(device: number, source: { file: number; backing: string; flags: number }): void {
  const config = Buffer.alloc(CONFIG_BYTES);
  config.writeUInt32LE(source.file, 0);
  config.writeUInt32LE(SECTOR_BYTES, 4);
  // For the eye of an admin only (losetup -l); nothing of ours reads it.
  Buffer.from(source.backing).copy(config, CONFIG_INFO + INFO_FILE_NAME, 0, 63);
  config.writeUInt32LE(source.flags | LO_FLAGS_DIRECT_IO, CONFIG_INFO + INFO_FLAGS);
  if (libc.ioctl(device, LOOP_CONFIGURE, config) === 0) return;
  if (lastErrno() !== EINVAL) check(-1, 'ioctl LOOP_CONFIGURE', source.backing);
  config.writeUInt32LE(source.flags, CONFIG_INFO + INFO_FLAGS);
  check(libc.ioctl(device, LOOP_CONFIGURE, config), 'ioctl LOOP_CONFIGURE', source.backing);
}

function describe(fd: number, number: number): LoopState {
  return { number, flags: status(fd, number).readUInt32LE(INFO_FLAGS), sizeBytes: blockSizeOf(fd, `/dev/loop${number}`) };
}

function status(fd: number, number: number): Buffer {
  const info = Buffer.alloc(INFO_BYTES);
  check(libc.ioctl(fd, LOOP_GET_STATUS64, info), 'ioctl LOOP_GET_STATUS64', `/dev/loop${number}`);
  return info;
}

function isBackedBy(fd: number, file: FileState): boolean {
  const info = status(fd, -1);
  return info.readBigUInt64LE(0) === kernelDevice(file) && info.readBigUInt64LE(8) === file.ino;
}

/** lo_device has the kernel's encoding of a device number (new_encode_dev): 12 bits major, 20 bits minor. */
function kernelDevice({ devMajor, devMinor }: FileState): bigint {
  return BigInt(devMinor & 0xff) | (BigInt(devMajor) << 8n) | (BigInt(devMinor & ~0xff) << 12n);
}

function attachedNumbers(): number[] {
  return readdirSync('/sys/block').flatMap((name) => {
    const number = /^loop(\d+)$/.exec(name)?.[1];
    if (number === undefined) return [];
    try {
      // The directory `loop` is there only while a file is attached.
      return readdirSync(`/sys/block/${name}/loop`).length > 0 ? [Number(number)] : [];
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENODEV')) return [];
      throw error;
    }
  });
}

function loopNumber(device: string): number {
  const number = /^\/dev\/loop(\d+)$/.exec(device)?.[1];
  if (number === undefined) throw codeError('EINVAL', 'open', device, 'not the path of a loop device');
  return Number(number);
}

/** In a container with a /dev of its own nobody makes the node of a new device. */
function openDevice(number: number, flags: number): number {
  const path = `/dev/loop${number}`;
  try {
    return openPath(path, flags | O_NOFOLLOW);
  } catch (error) {
    // A device that the kernel does not have must not come to be by being opened.
    if (!hasCode(error, 'ENOENT') || !existsSync(`/sys/block/loop${number}`)) throw error;
  }
  if (libc.mknodat(AT_FDCWD, cString(path), S_IFBLK | 0o660, deviceNumber(number)) < 0 && lastErrno() !== 17) check(-1, 'mknodat', path);
  return openPath(path, flags | O_NOFOLLOW);
}

/** dev_t as glibc encodes it, for major 7. */
function deviceNumber(minor: number): bigint {
  return BigInt(minor & 0xff) | (BigInt(LOOP_MAJOR) << 8n) | (BigInt(minor & ~0xff) << 12n);
}

function keepOpen<T>(fd: number, look: (fd: number) => T): T & { readonly fd: number } {
  try {
    return { ...look(fd), fd };
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}
