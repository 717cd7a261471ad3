import type { Snapshot, Volume } from './api.ts';
import type { Pool } from './pool.ts';
import type { SnapshotRecord, VolumeRecord } from './records.ts';

/** Records as the layers above see them. */
export function toVolume(pool: Pool, record: VolumeRecord): Volume {
  return {
    id: pool.id(record.id),
    name: record.name,
    pool: pool.name,
    driver: pool.driver.name(),
    state: record.state,
    sizeBytes: BigInt(record.size),
    createdAt: new Date(record.createdAt),
    use: record.use,
    ...(record.source === undefined ? {} : { source: record.source }),
    ...(record.fsType === undefined || !record.use.mount ? {} : { fileSystem: record.fsType }),
    sizeEnforced: pool.properties.sizeEnforced,
    ...placeOf(pool),
  };
}

export function toSnapshot(pool: Pool, record: SnapshotRecord): Snapshot {
  return {
    id: pool.id(record.id),
    name: record.name,
    pool: pool.name,
    driver: pool.driver.name(),
    sourceVolumeId: record.sourceVolumeId,
    sizeBytes: BigInt(record.size),
    createdAt: new Date(record.createdAt),
    readyToUse: record.state === 'ready',
    ...placeOf(pool),
  };
}

/** Where it can be used. */
export const placeOf = (pool: Pool): Pick<Volume, 'node' | 'segments'> => ({
  ...(pool.nodeName === undefined ? {} : { node: pool.nodeName }),
  ...(pool.config.segments === undefined ? {} : { segments: pool.config.segments }),
});
