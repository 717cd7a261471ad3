import type { UsageStats } from '../convoy/contract.ts';
import { ConvoyError, fromErrno, isErrno } from '../convoy/errors.ts';
import { parseId } from '../convoy/ids.ts';
import type { PublishDeps } from './deps.ts';
import { findPlace, notThere } from './find-place.ts';
import { placeAt } from './record-format.ts';
import { identityOf, lookAt } from './standing.ts';

export type VolumeStats = UsageStats & { readonly block: boolean };

/**
 * NodeGetVolumeStats, polled by the kubelet for every volume: one statfs with a deadline and one lstat, which proves by the
 * identity in the (cached) record that the volume is at the path. The mount table is read only when that fails. statfs
 * goes first: if a server hangs, the deadline answers and no lstat is left hanging.
 */
export async function stats(deps: PublishDeps, volumeId: string, path: string): Promise<VolumeStats> {
  const place = placeAt(deps.records.cached(volumeId) ?? (await deps.records.read(volumeId)), path);
  if (place?.identity === undefined) return statsByTable(deps, volumeId, path);
  const usage = place.access === 'block' ? await deviceStats(deps, path) : await usageOf(deps, volumeId, path);
  return identityOf(await lookAt(path)) === place.identity ? usage : statsByTable(deps, volumeId, path);
}

async function statsByTable(deps: PublishDeps, volumeId: string, path: string): Promise<VolumeStats> {
  await findPlace(deps, volumeId, path);
  const found = await lookAt(path);
  if (found.kind === 'device') return deviceStats(deps, path);
  if (found.kind === 'corrupted') throw unreachable(path, found.errno);
  return usageOf(deps, volumeId, path);
}

async function usageOf(deps: PublishDeps, volumeId: string, path: string): Promise<VolumeStats> {
  // Only where some driver keeps accounts of its own is the volume's driver asked for at all.
  if (deps.pools.implemented.has('stats')) {
    const open = await deps.pools.peekVolume(volumeId);
    const own = open.driver.operations.stats;
    const local = parseId(volumeId, 'volume')?.local;
    if (own !== undefined && local !== undefined) return { ...(await own.volumeStats(local)), block: false };
  }
  try {
    const usage = await deps.system.files.stats(path);
    return {
      block: false,
      bytes: { total: usage.totalBytes, used: usage.usedBytes, available: usage.availableBytes },
      inodes: { total: usage.totalInodes, used: usage.usedInodes, free: usage.freeInodes },
    };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) throw notThere(volumeId, path);
    if (isErrno(error, 'ETIMEDOUT', 'ESTALE', 'ENOTCONN', 'EIO', 'EHOSTDOWN')) throw unreachable(path, error.code ?? '');
    throw fromErrno(error, `measuring ${path}`);
  }
}

/** Of a raw device only its size is known (`block`: the others are not to be reported). */
async function deviceStats(deps: PublishDeps, path: string): Promise<VolumeStats> {
  const total = await deps.system.blocks.sizeBytes(path).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ENOTBLK', 'ENOTTY', 'EISDIR'))
      throw new ConvoyError('NotFound', `no block device is at ${path}`, { cause: error });
    throw fromErrno(error, `reading the size of the device at ${path}`);
  });
  return { block: true, bytes: { total, used: 0n, available: 0n } };
}

const unreachable = (path: string, errno: string): ConvoyError =>
  new ConvoyError('Unavailable', `the file system at ${path} does not answer (${errno}): check its server or disk`);
