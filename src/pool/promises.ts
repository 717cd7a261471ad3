import { ConvoyError } from '../convoy/errors.ts';
import type { ObjectKind } from '../convoy/ids.ts';
import type { PoolCapacity } from './api.ts';
import type { CatalogueEntry } from './catalogue.ts';
import type { Pool } from './pool.ts';

/** What a pool that cannot know its room answers: no class is left unschedulable by it. */
const LARGEST = (1n << 63n) - 1n;
/** Share of the pool that is kept free, in percent. */
const RESERVE_PERCENT = 10n;

/**
 * Room for new promises: sizes of volumes, snapshots and trash stay within (pool size − 10 %) × overcommit, and without
 * overcommitment also within what is really free now.
 */
export async function poolCapacity(pool: Pool): Promise<PoolCapacity> {
  return roomNow(pool, await pool.operations.capacity?.capacity());
}

/**
 * Enters an object with its promised size into the catalogue. Check and entry are one synchronous step, so that calls that run
 * together cannot promise the same room. Throws NoSpace; Busy while trash that would make room is on its way out.
 */
export async function promise(pool: Pool, kind: ObjectKind, id: string, entry: CatalogueEntry, what: string): Promise<void> {
  const storage = await pool.operations.capacity?.capacity();
  const more = entry.sizeBytes - (pool.catalogue.get(kind, id)?.sizeBytes ?? 0n);
  const { availableBytes, totalBytes } = roomNow(pool, storage);
  if (more <= 0n || more <= availableBytes) {
    pool.catalogue.set(kind, id, entry);
    return;
  }
  const numbers = `pool ${pool.name} can promise ${availableBytes} of its ${totalBytes} bytes; ${pool.catalogue.promisedBytes} are promised and ${pool.trash.bytes} are in the trash`;
  if (more <= availableBytes + pool.trash.goingBytes)
    throw new ConvoyError('Busy', `no room for ${what} of ${more} bytes until the trash is emptied, which goes on: ${numbers}; try again`);
  throw new ConvoyError(
    'NoSpace',
    `no room for ${what} of ${more} bytes: ${numbers}; delete volumes or snapshots, grow the pool, or raise its overcommit`,
  );
}

function roomNow(pool: Pool, storage: { totalBytes: bigint; availableBytes: bigint } | undefined): PoolCapacity {
  const { minSizeBytes, sizeUnitBytes } = pool.properties;
  if (storage === undefined)
    return { totalBytes: LARGEST, availableBytes: LARGEST, maximumVolumeBytes: LARGEST, minimumVolumeBytes: minSizeBytes };
  const usable = (storage.totalBytes * (100n - RESERVE_PERCENT)) / 100n;
  const promisable = (usable * BigInt(Math.round(pool.config.overcommit * 1000))) / 1000n;
  const room = promisable - pool.catalogue.promisedBytes - pool.trash.bytes;
  const free = pool.config.overcommit > 1 || room < storage.availableBytes ? room : storage.availableBytes;
  const available = free > 0n ? (free / sizeUnitBytes) * sizeUnitBytes : 0n;
  return { totalBytes: storage.totalBytes, availableBytes: available, maximumVolumeBytes: available, minimumVolumeBytes: minSizeBytes };
}
