import { lstat } from 'node:fs/promises';
import { fromErrno, isErrno } from '../convoy/errors.ts';

/**
 * What stands at a path now. The identity of a mounted directory is that of the volume's root: `device:inode`, which
 * the directory below the mount does not share, so that one lstat proves whether the volume is (still) mounted there.
 */
export type Standing =
  | { readonly kind: 'absent' }
  | { readonly kind: 'directory'; readonly identity: string }
  | { readonly kind: 'file'; readonly sizeBytes: bigint }
  | { readonly kind: 'device'; readonly identity: string /** major:minor */; readonly device: string }
  | { readonly kind: 'link' }
  | { readonly kind: 'other' }
  /** A mount whose server or disk is gone (errno); only the mount table can say what it was. */
  | { readonly kind: 'corrupted'; readonly errno: string };

/** Errnos of a dead mount, as k8s mount-utils' IsCorruptedMnt has them. */
const CORRUPTED = ['ENOTCONN', 'ESTALE', 'EIO', 'EHOSTDOWN', 'ENODEV', 'ETIMEDOUT', 'EACCES'] as const;

/** Looks without following a link in the last component. Throws only for what no path of ours can give. */
export async function lookAt(path: string): Promise<Standing> {
  try {
    const found = await lstat(path, { bigint: true });
    if (found.isDirectory()) return { kind: 'directory', identity: `${found.dev}:${found.ino}` };
    if (found.isBlockDevice())
      return { kind: 'device', identity: deviceIdentity(deviceNumber(found.rdev)), device: deviceNumber(found.rdev) };
    if (found.isFile()) return { kind: 'file', sizeBytes: found.size };
    return { kind: found.isSymbolicLink() ? 'link' : 'other' };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return { kind: 'absent' };
    if (isErrno(error, ...CORRUPTED)) return { kind: 'corrupted', errno: error.code ?? '' };
    throw fromErrno(error, `looking at ${path}`);
  }
}

/** The identity that a bound device node has. */
export const deviceIdentity = (device: string): string => `block ${device}`;

/** The identity, where what stands there has one. */
export const identityOf = (standing: Standing): string | undefined =>
  standing.kind === 'directory' || standing.kind === 'device' ? standing.identity : undefined;

/** `major:minor` of a dev_t (glibc's layout, makedev(3)). */
function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xffff_f000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffff_ff00n);
  return `${major}:${minor}`;
}
