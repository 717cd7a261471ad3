import { createHash } from 'node:crypto';
import { invalid } from '../convoy/errors.ts';

/**
 * Mount flags of a capability. They may be sensitive (CSI spec.md, `mount_flags`), so no message names one: it says
 * which of the list it means, and node records keep hashes.
 */
export interface MountFlags {
  readonly readOnly: boolean;
  /** Belong to one mount: a bind can set them. */
  readonly perMount: readonly string[];
  /** Belong to the file system: given when it is mounted. */
  readonly fileSystem: readonly string[];
}

const PER_MOUNT = new Set(['noatime', 'nodiratime', 'relatime', 'nosuid', 'nodev', 'noexec']);
/** Defaults that a bind or mount has anyway. */
const NEUTRAL = new Set(['rw', 'defaults', '']);
/** What would change *what* is mounted, or by whom, instead of how (mount(8)). */
const REFUSED =
  /^(?:r?bind|move|remount|(?:make-)?r?(?:shared|slave|private|unbindable)|loop|offset|sizelimit|encryption|users?|owner|group|_netdev|uhelper|helper|norecovery|noload|[xX]-.*|journal_(?:dev|path)|logdev|rtdev|sb)(?:=.*)?$/;
const MAX_BYTES = 4096;

/** Sorts flags; InvalidArgument for one that is refused, by its place in the list. */
export function parseMountFlags(flags: readonly string[]): MountFlags {
  if (flags.reduce((sum, flag) => sum + Buffer.byteLength(flag), 0) > MAX_BYTES)
    throw invalid(`mount_flags have more than ${MAX_BYTES} bytes; give fewer`);
  const perMount: string[] = [];
  const fileSystem: string[] = [];
  let readOnly = false;
  for (const [index, flag] of flags.entries()) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a control character has no place in an option
    if (/[,\s\u0000-\u001f\u007f]/.test(flag) || flag.startsWith('-') || REFUSED.test(flag))
      throw invalid(
        `mount flag number ${index + 1} is not allowed: give one option of the file system at a time, without commas, and none that changes what is mounted`,
      );
    if (flag === 'ro') readOnly = true;
    else if (PER_MOUNT.has(flag)) perMount.push(flag);
    else if (!NEUTRAL.has(flag)) fileSystem.push(flag);
  }
  return { readOnly, perMount, fileSystem };
}

/** For a directory there is no file system of its own to hand flags to. */
export function requirePerMountOnly(flags: MountFlags): void {
  if (flags.fileSystem.length === 0) return;
  throw invalid(
    `${flags.fileSystem.length} of the mount flags mean nothing for a volume that is a directory; allowed are ro and ${[...PER_MOUNT].join(', ')}`,
  );
}

/** What node records keep of flags: enough to compare, too little to read. Order does not count. */
export const hashFlags = (flags: readonly string[]): readonly string[] =>
  [...new Set(flags)].sort().map((flag) => createHash('sha256').update(flag).digest('hex').slice(0, 16));
