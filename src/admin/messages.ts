import type { HealthProblem } from '../convoy/contract.ts';
import type { Job, PoolStatus, Snapshot, TrashItem, Volume } from '../pool/api.ts';
import type { Job as JobMessage } from './gen/convoy/admin/v0/Job.ts';
import type { Pool as PoolMessage } from './gen/convoy/admin/v0/Pool.ts';
import type { PoolSettings as SettingsMessage } from './gen/convoy/admin/v0/PoolSettings.ts';
import type { Snapshot as SnapshotMessage } from './gen/convoy/admin/v0/Snapshot.ts';
import type { TrashItem as TrashMessage } from './gen/convoy/admin/v0/TrashItem.ts';
import type { Volume as VolumeMessage } from './gen/convoy/admin/v0/Volume.ts';
import type { Timestamp } from './gen/google/protobuf/Timestamp.ts';

/** What the layers below know, as the messages of proto/admin.proto. */

export function volumeMessage(volume: Volume): VolumeMessage {
  const { source } = volume;
  return {
    id: volume.id,
    name: volume.name,
    pool: volume.pool,
    driver: volume.driver,
    state: volume.state,
    sizeBytes: volume.sizeBytes.toString(),
    createdAt: timestamp(volume.createdAt),
    fileSystem: volume.fileSystem ?? '',
    sizeEnforced: volume.sizeEnforced,
    node: volume.node ?? '',
    sourceSnapshotId: source?.kind === 'snapshot' ? source.snapshotId : '',
    sourceVolumeId: source?.kind === 'volume' ? source.volumeId : '',
    block: volume.use.block,
  };
}

export function snapshotMessage(snapshot: Snapshot): SnapshotMessage {
  return {
    id: snapshot.id,
    name: snapshot.name,
    pool: snapshot.pool,
    driver: snapshot.driver,
    sourceVolumeId: snapshot.sourceVolumeId,
    sizeBytes: snapshot.sizeBytes.toString(),
    createdAt: timestamp(snapshot.createdAt),
    readyToUse: snapshot.readyToUse,
    node: snapshot.node ?? '',
  };
}

export function poolMessage(pool: PoolStatus, problems: readonly HealthProblem[] = []): PoolMessage {
  return {
    name: pool.config.name,
    driver: pool.config.driver,
    open: pool.state.kind === 'open',
    reason: pool.state.kind === 'unavailable' ? pool.state.reason : '',
    isDefault: pool.isDefault,
    scope: pool.scope,
    access: pool.properties?.access ?? '',
    sizeEnforced: pool.properties?.sizeEnforced ?? false,
    operations: [...(pool.operations ?? [])].sort(),
    info: { ...pool.info },
    options: withoutSecrets(pool.config.options),
    volumes: pool.volumes ?? 0,
    snapshots: pool.snapshots ?? 0,
    trashed: pool.trashed ?? 0,
    promisedBytes: (pool.promisedBytes ?? 0n).toString(),
    totalBytes: (pool.capacity?.totalBytes ?? 0n).toString(),
    availableBytes: (pool.capacity?.availableBytes ?? 0n).toString(),
    problems: problems.map(({ status, reason, message }) => ({ status, reason, message })),
    settings: settingsMessage(pool.config),
  };
}

function settingsMessage(config: PoolStatus['config']): SettingsMessage {
  return {
    init: config.init,
    overcommit: config.overcommit,
    thin: config.thin,
    onDelete: config.onDelete,
    trashRetentionMs: config.trashRetentionMs,
    defaultVolumeSize: (config.defaultSizeBytes ?? 0n).toString(),
    maxJobs: config.maxJobs,
    bandwidth: config.bandwidth ?? 0,
    allowParameters: [...config.allowParameters],
  };
}

export function jobMessage(job: Job): JobMessage {
  return {
    id: job.id,
    kind: job.kind,
    objectId: job.objectId,
    pool: job.pool,
    state: job.state,
    doneBytes: job.doneBytes.toString(),
    totalBytes: (job.totalBytes ?? 0n).toString(),
    doneEntries: job.doneEntries,
    startedAt: timestamp(job.startedAt),
    error: job.error ?? '',
  };
}

export function trashMessage(item: TrashItem): TrashMessage {
  return {
    pool: item.pool,
    entry: item.entry,
    kind: item.kind,
    id: item.id,
    name: item.name,
    sizeBytes: item.sizeBytes.toString(),
    discardedAt: timestamp(item.discardedAt),
    expiresAt: item.expiresAt === undefined ? null : timestamp(item.expiresAt),
  };
}

export function timestamp(date: Date): Timestamp {
  const milliseconds = date.getTime();
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: String(seconds), nanos: (milliseconds - seconds * 1000) * 1_000_000 };
}

/** Mount options (`local.o`) may hold a password; the others are paths and numbers. */
function withoutSecrets(options: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [key, key.endsWith('.o') ? '***stripped***' : value]));
}
