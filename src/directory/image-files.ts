import { chmod, unlink } from 'node:fs/promises';
import type { CallContext } from '../convoy/contract.ts';
import { ConvoyError, fromErrno, isErrno } from '../convoy/errors.ts';
import type { System } from '../system/api.ts';
import { copyCall, unlessAbsent } from './failures.ts';

const IMAGE_MODE = 0o600;
/** A copy that takes time counts only if the image was left alone meanwhile; so often it is tried. */
const MAX_ROUNDS = 5;

export interface CopySource {
  readonly path: string;
  /** Called right before each cut of an image that may be in use; absent for one that nobody writes to. */
  readonly flush?: () => Promise<void>;
}

/** A new, empty image, durable. NoSpace when its blocks cannot be reserved. */
export async function makeImage(system: System, path: string, sizeBytes: bigint, thin: boolean): Promise<void> {
  await reserving(system.files.createImage(path, sizeBytes, { thin, mode: IMAGE_MODE }), path, sizeBytes);
}

/** Grows an image and reserves its holes unless thin; never shrinks. */
export async function growImage(system: System, path: string, sizeBytes: bigint, thin: boolean): Promise<void> {
  await reserving(system.files.growImage(path, sizeBytes, { thin }), path, sizeBytes);
}

/**
 * A durable copy of one instant of an image. FICLONE of a file that is in use under direct I/O is one instant (measured;
 * docs/architecture.md, "Point in time"), and never with the file system frozen. Where blocks cannot be shared, every
 * byte is read, and the copy counts only if nothing was written meanwhile. Precondition says so after the last round.
 */
export async function copyImage(system: System, source: CopySource, to: string, sharesBlocks: boolean, call: CallContext): Promise<void> {
  if (sharesBlocks && (await cloneImage(system, source, to))) return;
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    await source.flush?.();
    await unlessAbsent(unlink(to), `removing ${to}`);
    const { unchanged } = await system.files.copySparse(source.path, to, copyCall(call));
    if (!unchanged && source.flush !== undefined) continue;
    await chmod(to, IMAGE_MODE);
    await system.files.syncFile(to);
    return;
  }
  throw new ConvoyError(
    'Precondition',
    `${source.path} kept changing through ${MAX_ROUNDS} rounds of copying: stop writing to the volume meanwhile, or keep the pool on a file system that shares blocks (xfs, btrfs), where this takes an instant`,
  );
}

/** False where this one file cannot share its blocks, although others of the file system can (btrfs with nodatacow). */
async function cloneImage(system: System, source: CopySource, to: string): Promise<boolean> {
  await source.flush?.();
  try {
    await system.files.cloneFile(source.path, to);
  } catch (error) {
    if (isErrno(error, 'EOPNOTSUPP', 'ENOTSUP', 'EINVAL', 'EXDEV')) return false;
    throw error;
  }
  await chmod(to, IMAGE_MODE);
  await system.files.syncFile(to);
  return true;
}

async function reserving(work: Promise<void>, path: string, sizeBytes: bigint): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (isErrno(error, 'EFBIG', 'EOVERFLOW'))
      throw new ConvoyError('OutOfRange', `the pool's file system cannot hold a file of ${sizeBytes} bytes: ask for less`, {
        cause: error,
      });
    if (isErrno(error, 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS'))
      throw new ConvoyError(
        'Precondition',
        'the pool\'s file system cannot reserve space ahead (fallocate): set "thin: true" for the pool, or use another file system',
        { cause: error },
      );
    throw fromErrno(error, `making ${path} ${sizeBytes} bytes large`);
  }
}
