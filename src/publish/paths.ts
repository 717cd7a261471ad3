import { mkdir, open, readdir, realpath, rmdir, unlink } from 'node:fs/promises';
import { dirname, normalize } from 'node:path';
import { ConvoyError, fromErrno, invalid, isErrno } from '../convoy/errors.ts';
import { isWithin } from './mount-table.ts';
import { lookAt } from './standing.ts';

/** Paths that a CO or an admin names: proven to be plain places before anything is mounted, made or removed there. */

const MAX_PATH_BYTES = 4095;

/** An absolute path in its normal form; InvalidArgument naming the field. */
export function parsePath(field: string, path: string): string {
  if (path === '') throw invalid(`${field} is required`);
  if (!path.startsWith('/')) throw invalid(`${field} is ${quote(path)}; allowed are absolute paths`);
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw invalid(`${field} is longer than ${MAX_PATH_BYTES} bytes`);
  if (path.includes('\0')) throw invalid(`${field} holds a NUL byte`);
  if (path.split('/').some((part) => part === '.' || part === '..'))
    throw invalid(`${field} is ${quote(path)}; "." and ".." are not allowed in it`);
  const normal = normalize(path);
  if (normal === '/') throw invalid(`${field} is the root directory; nothing is mounted over it`);
  return normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/**
 * Refuses a place whose way leads through a symbolic link, or that lies inside, or above, a protected directory (the pools
 * and our own root). A missing parent is Precondition: making it is the CO's duty (CSI spec.md, NodePublishVolume).
 */
export async function assertPlainPlace(field: string, path: string, protectedPaths: readonly string[]): Promise<void> {
  const clash = protectedPaths.find((base) => isWithin(path, base) || isWithin(base, path));
  if (clash !== undefined)
    throw invalid(`${field} ${quote(path)} lies inside or above ${clash}, which belongs to the storage itself: give a path elsewhere`);
  const parent = dirname(path);
  const real = await realpath(parent).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT', 'ENOTDIR'))
      throw new ConvoyError('Precondition', `the parent directory of ${field} ${quote(path)} does not exist: make it first`, {
        cause: error,
      });
    throw fromErrno(error, `resolving ${parent}`);
  });
  if (real !== parent) throw invalid(`${field} ${quote(path)} leads through a symbolic link to ${quote(real)}: give the real path`);
}

/** Makes the target of a bind, or takes an empty one that is there; Precondition if something else is. */
export async function ensureTarget(path: string, kind: 'directory' | 'file'): Promise<void> {
  try {
    if (kind === 'directory') await mkdir(path, { mode: 0o750 });
    else await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw fromErrno(error, `making the target ${path}`);
    await assertEmptyTarget(path, kind);
  }
}

async function assertEmptyTarget(path: string, kind: 'directory' | 'file'): Promise<void> {
  const found = await lookAt(path);
  if (found.kind === 'link') throw invalid(`target ${quote(path)} is a symbolic link: remove it first`);
  if (kind === 'file' && found.kind === 'file' && found.sizeBytes === 0n) return;
  if (kind === 'directory' && found.kind === 'directory') {
    if (await isEmptyDirectory(path)) return;
    throw new ConvoyError(
      'Precondition',
      `target ${quote(path)} is a directory that holds files, which a mount would hide: move them away first`,
    );
  }
  throw new ConvoyError('Precondition', `target ${quote(path)} is a ${found.kind}, wanted is an empty ${kind} or nothing: remove it first`);
}

export async function isEmptyDirectory(path: string): Promise<boolean> {
  return (await readdir(path)).length === 0;
}

/**
 * Removes the empty directory or file that served as a target. Absent is fine. EBUSY stays an errno error: something is
 * still mounted there. Anything that could be data is refused (Precondition), never removed.
 */
export async function removeTarget(path: string): Promise<void> {
  const found = await lookAt(path);
  if (found.kind === 'absent') return;
  if (found.kind === 'directory') return removeEmptyDirectory(path);
  if (found.kind === 'file' && found.sizeBytes === 0n) {
    await unlink(path).catch(ignoreAbsent);
    return;
  }
  throw new ConvoyError(
    'Precondition',
    `${quote(path)} is not the empty target that was made there (found: ${found.kind}), so it is not removed: look what it is, then remove it`,
  );
}

async function removeEmptyDirectory(path: string): Promise<void> {
  await rmdir(path).catch((error: unknown) => {
    if (isErrno(error, 'ENOTEMPTY', 'EEXIST'))
      throw new ConvoyError(
        'Precondition',
        `${quote(path)} is not empty below the mount, so it is not removed: move the files away, then try again`,
        { cause: error },
      );
    ignoreAbsent(error);
  });
}

function ignoreAbsent(error: unknown): void {
  if (!isErrno(error, 'ENOENT')) throw error;
}

const quote = (text: string): string => JSON.stringify(text.slice(0, 256));
