import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../constants.ts';
import { check, cString, libc, openAt } from '../libc.ts';

/**
 * File names are bytes. Here they are strings with one character for each byte (latin1), which keeps any name
 * exactly and takes one byte a character in memory.
 */
export type Name = string;

export interface DirectoryEntry {
  readonly name: Name;
  /** d_type; a hint only, `DT_UNKNOWN` on some file systems. */
  readonly type: number;
}
export const DT_UNKNOWN = 0;
export const DT_DIR = 4;

const READ_BYTES = 32 * 1024;
const NAME_OFFSET = 19;

/** The entries of a directory without `.` and `..`, from its start, as getdents64(2) gives them. */
export function* readEntries(fd: number): Generator<DirectoryEntry, void, undefined> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  check(Number(libc.lseek(fd, 0n, 0)), 'lseek');
  for (;;) {
    const bytes = check(libc.getdents64(fd, buffer, READ_BYTES), 'getdents64');
    if (bytes === 0) return;
    for (let at = 0; at < bytes; at += buffer.readUInt16LE(at + 16)) {
      const name = buffer.toString('latin1', at + NAME_OFFSET, buffer.indexOf(0, at + NAME_OFFSET));
      if (name !== '.' && name !== '..') yield { name, type: buffer.readUInt8(at + 18) };
    }
  }
}

export const toBytes = (name: Name): Buffer => cString(name, 'latin1');
export const fromText = (text: string): Name => Buffer.from(text, 'utf8').toString('latin1');
/** For messages: what is no UTF-8 shows as replacement characters. */
export const toText = (name: Name): string => Buffer.from(name, 'latin1').toString('utf8');

/** Opens below a directory: no link is followed, no mount crossed, nothing above reached (EXDEV, ELOOP). */
export function openBeneath(fd: number, name: Name, flags: number, mode?: number): number {
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return openAt(fd, toBytes(name), { flags: flags | O_NOFOLLOW, resolve, ...(mode === undefined ? {} : { mode }) });
}

export const openDirectory = (fd: number, name: Name): number => openBeneath(fd, name, O_RDONLY | O_DIRECTORY);
/** The entry itself, whatever it is, without opening what a device or FIFO would do. */
export const openEntry = (fd: number, name: Name): number => openBeneath(fd, name, O_PATH);

/** The path by which a descriptor's file can be opened or changed again, whatever its name has become. */
export const procPath = (fd: number): string => `/proc/self/fd/${fd}`;
