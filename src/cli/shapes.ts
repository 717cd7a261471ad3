import type { Answer } from '../admin/definitions.ts';
import type { Timestamp__Output } from '../admin/gen/google/protobuf/Timestamp.ts';
import type { JsonValue } from './output.ts';

/**
 * What `--json` prints: stable shapes (docs/cli.md). Keys are only ever added. Sizes are exact integers in bytes, times
 * RFC 3339 in UTC, and what is not known or does not apply is null.
 */
export type VolumeMessage = NonNullable<Answer<'InspectVolume'>['volume']>;
export type SnapshotMessage = NonNullable<Answer<'InspectSnapshot'>['snapshot']>;
export type PoolMessage = Answer<'ListPools'>['pools'][number];
export type TrashMessage = Answer<'ListTrash'>['items'][number];
export type JobMessage = Answer<'ListJobs'>['jobs'][number];
export type ProblemMessage = PoolMessage['problems'][number];
export type NodeMessage = Answer<'ListNodes'>['nodes'][number];

type Json = { readonly [key: string]: JsonValue };

export function volumeShape(volume: VolumeMessage): Json {
  return {
    id: volume.id,
    name: volume.name,
    pool: volume.pool,
    driver: volume.driver,
    state: volume.state,
    sizeBytes: BigInt(volume.sizeBytes),
    sizeEnforced: volume.sizeEnforced,
    createdAt: time(volume.createdAt),
    mode: volume.block ? 'block' : 'filesystem',
    fileSystem: orNull(volume.fileSystem),
    node: orNull(volume.node),
    sourceSnapshotId: orNull(volume.sourceSnapshotId),
    sourceVolumeId: orNull(volume.sourceVolumeId),
  };
}

export function snapshotShape(snapshot: SnapshotMessage): Json {
  return {
    id: snapshot.id,
    name: snapshot.name,
    pool: snapshot.pool,
    driver: snapshot.driver,
    sourceVolumeId: snapshot.sourceVolumeId,
    sizeBytes: BigInt(snapshot.sizeBytes),
    createdAt: time(snapshot.createdAt),
    readyToUse: snapshot.readyToUse,
    node: orNull(snapshot.node),
  };
}

export function poolShape(pool: PoolMessage): Json {
  const ifOpen = (bytes: string): JsonValue => (pool.open ? BigInt(bytes) : null);
  const { settings } = pool;
  return {
    name: pool.name,
    driver: pool.driver,
    open: pool.open,
    reason: orNull(pool.reason),
    default: pool.isDefault,
    scope: pool.scope,
    access: orNull(pool.access),
    sizeEnforced: pool.sizeEnforced,
    operations: pool.operations,
    totalBytes: ifOpen(pool.totalBytes),
    availableBytes: ifOpen(pool.availableBytes),
    promisedBytes: ifOpen(pool.promisedBytes),
    volumes: ifOpen(pool.volumes),
    snapshots: ifOpen(pool.snapshots),
    trashed: ifOpen(pool.trashed),
    info: pool.info,
    options: pool.options,
    settings: settings === null ? null : settingsShape(settings),
    problems: pool.problems.map(problemShape),
  };
}

function settingsShape(settings: NonNullable<PoolMessage['settings']>): Json {
  return {
    init: settings.init,
    overcommit: settings.overcommit,
    thin: settings.thin,
    onDelete: settings.onDelete,
    trashRetentionMs: BigInt(settings.trashRetentionMs),
    defaultVolumeSizeBytes: settings.defaultVolumeSize === '0' ? null : BigInt(settings.defaultVolumeSize),
    maxJobs: BigInt(settings.maxJobs),
    bandwidthBytes: settings.bandwidth === '0' ? null : BigInt(settings.bandwidth),
    allowParameters: settings.allowParameters,
  };
}

export function problemShape(problem: ProblemMessage): Json {
  return { status: problem.status, reason: problem.reason, message: problem.message };
}

export function trashShape(item: TrashMessage): Json {
  return {
    pool: item.pool,
    entry: item.entry,
    kind: item.kind,
    id: item.id,
    name: item.name,
    sizeBytes: BigInt(item.sizeBytes),
    discardedAt: time(item.discardedAt),
    expiresAt: time(item.expiresAt),
  };
}

export function jobShape(job: JobMessage): Json {
  return {
    id: job.id,
    kind: job.kind,
    objectId: job.objectId,
    pool: job.pool,
    state: job.state,
    doneBytes: BigInt(job.doneBytes),
    totalBytes: job.totalBytes === '0' ? null : BigInt(job.totalBytes),
    doneEntries: BigInt(job.doneEntries),
    startedAt: time(job.startedAt),
    error: orNull(job.error),
  };
}

export function infoShape(info: Answer<'Info'>): Json {
  return {
    version: info.version,
    driverName: info.driverName,
    role: info.role,
    nodeName: info.nodeName,
    nodeKey: info.nodeKey,
    root: info.root,
    endpoint: info.endpoint,
    pid: BigInt(info.pid),
    startedAt: time(info.startedAt),
    residentBytes: BigInt(info.residentBytes),
    drivers: info.drivers,
    pools: info.pools.map(poolShape),
  };
}

export function dateOf(stamp: Timestamp__Output | null): Date | undefined {
  return stamp === null ? undefined : new Date(Number(stamp.seconds) * 1000 + Math.floor(stamp.nanos / 1_000_000));
}

const time = (stamp: Timestamp__Output | null): string | null => dateOf(stamp)?.toISOString() ?? null;
const orNull = (text: string): string | null => (text === '' ? null : text);

export function nodeShape(node: NodeMessage): Json {
  return {
    name: node.name,
    key: node.key,
    state: node.state,
    reason: orNull(node.reason),
    address: orNull(node.address),
    version: orNull(node.version),
    pools: node.pools.map(({ name, driver, open, reason }) => ({ name, driver, open, reason: orNull(reason) })),
    goneSince: time(node.goneSince),
  };
}

export function orphansShape(answer: Answer<'ListOrphans'>): Json {
  return {
    orphans: answer.orphans.map(({ id, node, pool, name, sizeBytes, createdAt }) => ({
      id,
      node,
      pool,
      name,
      sizeBytes: BigInt(sizeBytes),
      createdAt: time(createdAt),
    })),
    lost: answer.lost.map(({ persistentVolume, volumeId, claim, phase, sizeBytes, createdAt }) => ({
      persistentVolume,
      volumeId,
      claim: orNull(claim),
      phase,
      sizeBytes: BigInt(sizeBytes),
      createdAt: time(createdAt),
    })),
    silent: answer.silent.map(({ node, reason }) => ({ node, reason })),
  };
}
