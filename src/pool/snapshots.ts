import type { CallContext } from '../convoy/contract.ts';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { checkName, type LocalSnapshotId, type LocalVolumeId, localId, parseId } from '../convoy/ids.ts';
import { step } from '../observe/steps.ts';
import type { Call, CreateSnapshotInput, Snapshot } from './api.ts';
import type { RunningJob } from './jobs.ts';
import type { Pool, PoolEnv } from './pool.ts';
import { promise } from './promises.ts';
import { RECORD_VERSION, type SnapshotRecord, type VolumeRecord } from './records.ts';
import { requireSnapshot, routeSnapshot, routeVolume } from './route.ts';
import { toSnapshot } from './views.ts';
import { notCleared, quietVolume } from './volume-create.ts';
import { checkWhere, elsewhere } from './where.ts';

/**
 * CreateSnapshot: answers once the cut is made and whole. Storage that shares blocks cuts in an instant; elsewhere the copy is a
 * job, and callers get Busy (ABORTED) until it is whole. The same name for another volume is AlreadyExists.
 */
export async function createSnapshot(env: PoolEnv, input: CreateSnapshotInput, call: Call): Promise<Snapshot> {
  const local = localId('snapshot', checkName('name', input.name));
  const source = routeVolume(env, input.sourceVolumeId);
  const { pool } = source;
  using _lock = env.locks.acquire({ exclusive: [`snapshot/${local}`], doing: 'a snapshot of this name is being created' });
  await pool.ready();
  if (pool.operations.snapshot === undefined)
    throw new ConvoyError('NotSupported', `driver ${pool.driver.name()} of pool ${pool.name} has no snapshots`);
  refuseOtherPools(env, pool, local, input.name);
  const existing = await pool.book.find('snapshot', local);
  const running = env.jobs.find(pool.id(local));
  if (existing !== undefined && (existing.state === 'ready' || running !== undefined))
    return await answerExisting(env, pool, existing, input, running, call);
  if (running !== undefined) await running.wait(call);
  // A pending snapshot whose process died was never answered: the cut is made anew, of whatever volume is asked now.
  if (existing !== undefined) await clearSnapshot(pool, local, existing.volume);
  return await startSnapshot(env, pool, local, source.local, input, call);
}

/** DeleteSnapshot: Busy while a restore reads it. Absent is fine, and so is a volume that is gone. */
export async function deleteSnapshot(env: PoolEnv, id: string, call: Call, options: { readonly purge?: boolean } = {}): Promise<void> {
  if (parseId(id, 'snapshot') === undefined) return;
  const { pool, local } = routeSnapshot(env, id);
  using _lock = env.locks.acquire({ exclusive: [`snapshot/${local}`], doing: 'it is being deleted' });
  await pool.ready();
  await env.jobs.find(id)?.cancel(call);
  const read = await pool.book.read('snapshot', local);
  if (read.kind === 'damaged' && read.error.code !== 'DataLoss') throw read.error;
  if (read.kind === 'found' && read.record.state === 'pending') return await clearSnapshot(pool, local, read.record.volume);
  if (read.kind !== 'absent') {
    if (pool.operations.trash !== undefined) await pool.trash.discard('snapshot', local, { purge: options.purge });
    else if (read.kind === 'found') await pool.operations.snapshot?.deleteSnapshot(local, read.record.volume, pool.ownContext());
    else throw read.error;
  }
  await pool.book.remove('snapshot', local);
  pool.catalogue.delete('snapshot', local);
}

export async function getSnapshot(env: PoolEnv, id: string): Promise<Snapshot> {
  const { pool, local } = routeSnapshot(env, id);
  await pool.ready();
  const found = await pool.book.find('snapshot', local);
  // Not cut yet is not there yet (CSI spec: uncut snapshots are never shown).
  if (found?.state !== 'ready') throw new ConvoyError('NotFound', `snapshot ${id} does not exist`);
  return toSnapshot(pool, found);
}

/** Removes data and record of a snapshot that never became ready. */
export async function clearSnapshot(pool: Pool, local: LocalSnapshotId, volume: LocalVolumeId): Promise<void> {
  await pool.operations.snapshot?.deleteSnapshot(local, volume, pool.ownContext());
  await pool.book.remove('snapshot', local);
  pool.catalogue.delete('snapshot', local);
}

async function answerExisting(
  env: PoolEnv,
  pool: Pool,
  existing: SnapshotRecord,
  input: CreateSnapshotInput,
  running: RunningJob | undefined,
  call: Call,
): Promise<Snapshot> {
  if (existing.sourceVolumeId !== input.sourceVolumeId)
    throw new ConvoyError(
      'AlreadyExists',
      `snapshot ${JSON.stringify(input.name)} exists, but of volume ${existing.sourceVolumeId}, asked is ${input.sourceVolumeId}`,
    );
  if ((input.consistency ?? 'point-in-time') !== existing.consistency)
    throw new ConvoyError(
      'AlreadyExists',
      `snapshot ${JSON.stringify(input.name)} exists with consistency ${existing.consistency}, asked is ${input.consistency ?? 'point-in-time'}`,
    );
  const away = elsewhere(env, pool, input);
  if (away !== undefined) throw new ConvoyError('AlreadyExists', `snapshot ${JSON.stringify(input.name)} exists, but ${away}`);
  await running?.wait(call);
  return toSnapshot(pool, await requireSnapshot(pool, existing.id));
}

async function startSnapshot(
  env: PoolEnv,
  pool: Pool,
  local: LocalSnapshotId,
  volume: LocalVolumeId,
  input: CreateSnapshotInput,
  call: Call,
): Promise<Snapshot> {
  checkWhere(env, pool, input);
  let release = env.locks.acquire({ shared: [`volume/${volume}`], doing: 'a snapshot of it is being made' });
  let started = false;
  try {
    const source = await quietVolume(env, pool, volume, release);
    release = source.release;
    const record = planSnapshot(local, source.record, await storedSize(pool, source.record), input);
    await promise(
      pool,
      'snapshot',
      local,
      { sizeBytes: BigInt(record.size), pending: true, sourceVolumeId: input.sourceVolumeId },
      `snapshot ${JSON.stringify(input.name)}`,
    );
    await writePending(env, pool, record);
    const job = env.jobs.start({
      kind: 'snapshot',
      objectId: pool.id(local),
      pool: pool.name,
      secrets: call.secrets,
      bounded: !pool.properties.sharesBlocks,
      work: (context) => cut(env, pool, record, context),
      release: () => release[Symbol.dispose](),
    });
    started = true;
    await job.wait(call);
    return toSnapshot(pool, await requireSnapshot(pool, local));
  } finally {
    if (!started) release[Symbol.dispose]();
  }
}

/** Storage that was grown by an expansion which then failed is larger than its record; so is its snapshot, and what is restored from it. */
async function storedSize(pool: Pool, source: VolumeRecord): Promise<bigint> {
  const recorded = BigInt(source.size);
  const stored = pool.properties.sizeEnforced ? ((await pool.operations.volume.getVolumeInfo(source.id)).sizeBytes ?? recorded) : recorded;
  return stored > recorded ? stored : recorded;
}

function planSnapshot(local: LocalSnapshotId, source: VolumeRecord, sizeBytes: bigint, input: CreateSnapshotInput): SnapshotRecord {
  return {
    version: RECORD_VERSION,
    kind: 'snapshot',
    id: local,
    name: input.name,
    state: 'pending',
    sourceVolumeId: input.sourceVolumeId,
    volume: source.id,
    size: String(sizeBytes),
    createdAt: new Date().toISOString(),
    use: source.use,
    ...(source.fsType === undefined ? {} : { fsType: source.fsType }),
    format: source.format,
    consistency: input.consistency ?? 'point-in-time',
  };
}

async function writePending(env: PoolEnv, pool: Pool, record: SnapshotRecord): Promise<void> {
  try {
    await pool.book.write(record);
  } catch (error) {
    throw await clearAfter(env, pool, record, error);
  }
  step('snapshot.recorded');
}

async function cut(env: PoolEnv, pool: Pool, record: SnapshotRecord, context: CallContext): Promise<void> {
  try {
    const createdAt = new Date().toISOString();
    await pool.operations.snapshot?.createSnapshot(
      record.id,
      record.volume,
      { snapshotName: record.name, consistency: record.consistency },
      context,
    );
    step('snapshot.cut');
    await pool.book.write({ ...record, state: 'ready', createdAt });
    pool.note('snapshot', record.id, { sizeBytes: BigInt(record.size), pending: false, sourceVolumeId: record.sourceVolumeId });
    step('snapshot.ready');
  } catch (error) {
    throw await clearAfter(env, pool, record, error);
  }
}

/** Resolves to what the caller is told (volume-create.ts, `clearAfter`). */
async function clearAfter(env: PoolEnv, pool: Pool, record: SnapshotRecord, error: unknown): Promise<unknown> {
  if (isConvoyError(error, 'Cancelled')) return error;
  try {
    await clearSnapshot(pool, record.id, record.volume);
    return error;
  } catch (failure) {
    env.log.warn(
      { pool: pool.name, snapshot_id: pool.id(record.id), reason: String(failure) },
      'a failed snapshot could not be cleared; its retry or the next start will',
    );
    return notCleared(`snapshot ${JSON.stringify(record.name)}`, error, failure);
  }
}

function refuseOtherPools(env: PoolEnv, pool: Pool, local: LocalSnapshotId, name: string): void {
  for (const other of env.pools) {
    if (other === pool || other.state.kind !== 'open' || !other.catalogue.has('snapshot', local)) continue;
    throw new ConvoyError('AlreadyExists', `snapshot ${JSON.stringify(name)} exists in pool ${other.name}, of another volume`);
  }
}
