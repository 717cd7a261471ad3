import type { CallContext } from '../convoy/contract.ts';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { checkName, type LocalVolumeId, localId } from '../convoy/ids.ts';
import { step } from '../observe/steps.ts';
import type { Call, CreateVolumeInput, Volume, VolumeSource } from './api.ts';
import type { RunningJob } from './jobs.ts';
import type { Pool, PoolEnv } from './pool.ts';
import { promise } from './promises.ts';
import type { SnapshotRecord, VolumeRecord } from './records.ts';
import { requireSnapshot, requireVolume, routeSnapshot, routeVolume } from './route.ts';
import { toVolume } from './views.ts';
import { conflict, createOptions, planVolume } from './volume-plan.ts';
import { checkWhere, elsewhere } from './where.ts';

/**
 * CreateVolume: record `pending`, let the driver fill data that nothing reads, record `ready`. The id comes from the name, so a
 * retry finds what its first try left: a running job to wait for, a pending record to finish, or the volume.
 */
export async function createVolume(env: PoolEnv, pool: Pool, input: CreateVolumeInput, call: Call): Promise<Volume> {
  const local = localId('volume', checkName('name', input.name));
  using _lock = env.locks.acquire({ exclusive: [`volume/${local}`], doing: 'a volume of this name is being created' });
  await pool.ready();
  refuseOtherPools(env, pool, local, input.name);
  const id = pool.id(local);
  const existing = await pool.book.find('volume', local);
  const running = env.jobs.find(id);
  if (existing?.state === 'deleting')
    throw new ConvoyError('Busy', `volume ${JSON.stringify(input.name)} (${id}) is being deleted; try again`);
  if (existing?.state === 'ready' || (existing !== undefined && running !== undefined))
    return await answerExisting(env, pool, existing, input, running, call);
  if (running !== undefined) await running.wait(call);
  return await startCreate(env, pool, input, local, existing, call);
}

/** Continues, at start, what a stopped process left pending: copies are made whole, empty volumes cleared (a retry makes them anew). */
export async function resumeCreate(env: PoolEnv, pool: Pool, record: VolumeRecord): Promise<void> {
  if (record.source === undefined) {
    await clearVolume(pool, record.id);
    return;
  }
  try {
    const source = await openSource(env, pool, record.source);
    startJob(env, pool, record, source, {});
  } catch (error) {
    if (!isConvoyError(error)) throw error;
    env.log.warn({ pool: pool.name, volume_id: pool.id(record.id), reason: error.message }, 'unfinished copy cannot go on; it is cleared');
    await clearVolume(pool, record.id);
  }
}

/** Removes data and record of a volume that never became ready. */
export async function clearVolume(pool: Pool, local: LocalVolumeId): Promise<void> {
  await pool.operations.volume.deleteVolume(local, { referenceOnly: false }, pool.ownContext());
  await pool.book.remove('volume', local);
  pool.catalogue.delete('volume', local);
}

async function answerExisting(
  env: PoolEnv,
  pool: Pool,
  existing: VolumeRecord,
  input: CreateVolumeInput,
  running: RunningJob | undefined,
  call: Call,
): Promise<Volume> {
  const asked = input.options.sizeBytes === undefined ? input.range : { requiredBytes: input.options.sizeBytes };
  const why = conflict(existing, replan(pool, existing, input), asked) ?? elsewhere(env, pool, input);
  if (why !== undefined)
    throw new ConvoyError('AlreadyExists', `volume ${JSON.stringify(input.name)} exists in pool ${pool.name}, but ${why}`);
  await running?.wait(call);
  return toVolume(pool, await requireVolume(pool, existing.id));
}

/** The plan that this request comes to, without the size, which the existing volume answers. */
function replan(pool: Pool, existing: VolumeRecord, input: CreateVolumeInput): VolumeRecord {
  const { sizeBytes: _size, ...options } = input.options;
  const planned = planVolume(existing.id, { ...input, options, range: {} }, pool.config, pool.properties, undefined);
  // A file system that the source brought is not asked for again by a retry that names none.
  const named = input.use.fsType !== undefined || input.options.fileSystem !== undefined;
  return named || existing.fsType === undefined ? planned : { ...planned, fsType: existing.fsType };
}

async function startCreate(
  env: PoolEnv,
  pool: Pool,
  input: CreateVolumeInput,
  local: LocalVolumeId,
  left: VolumeRecord | undefined,
  call: Call,
): Promise<Volume> {
  // First, or a refusal that is final (the source is gone by now) would leave it behind.
  if (left !== undefined) await clearVolume(pool, local);
  checkWhere(env, pool, input);
  const source = input.source === undefined ? undefined : await openSource(env, pool, input.source);
  let started = false;
  try {
    const record = planVolume(local, input, pool.config, pool.properties, source?.record);
    await promise(pool, 'volume', local, { sizeBytes: BigInt(record.size), pending: true }, `volume ${JSON.stringify(input.name)}`);
    await writePending(env, pool, record);
    const job = startJob(env, pool, record, source, call.secrets);
    started = true;
    await job.wait(call);
    return toVolume(pool, await requireVolume(pool, local));
  } finally {
    if (!started) source?.release[Symbol.dispose]();
  }
}

async function writePending(env: PoolEnv, pool: Pool, record: VolumeRecord): Promise<void> {
  try {
    await pool.book.write(record);
  } catch (error) {
    throw await clearAfter(env, pool, record, error);
  }
  step('create.recorded');
}

interface OpenSource<R extends VolumeRecord | SnapshotRecord = VolumeRecord | SnapshotRecord> {
  readonly record: R;
  readonly release: Disposable;
}

/** Takes the source's lock, shared, for as long as the job runs: it cannot be deleted or changed meanwhile. */
async function openSource(env: PoolEnv, pool: Pool, source: VolumeSource): Promise<OpenSource> {
  const kind = source.kind;
  const route = kind === 'snapshot' ? routeSnapshot(env, source.snapshotId) : routeVolume(env, source.volumeId);
  if (route.pool !== pool)
    throw new ConvoyError(
      'InvalidArgument',
      `volume_content_source is in pool ${route.pool.name}, the new volume in pool ${pool.name}: use a class of pool ${route.pool.name}`,
    );
  if (pool.operations.clone === undefined)
    throw new ConvoyError('NotSupported', `driver ${pool.driver.name()} of pool ${pool.name} cannot make a volume from a ${kind}`);
  const keys = [`${kind}/${route.local}`];
  const release = env.locks.acquire({ shared: keys, doing: 'it is being copied' });
  try {
    if (kind === 'volume') return await quietVolume(env, pool, route.local, release);
    return { record: await requireSnapshot(pool, route.local), release };
  } catch (error) {
    release[Symbol.dispose]();
    throw error;
  }
}

/**
 * The record of a volume that is about to be copied. While a device's file system may be made at any moment, its publish lock is
 * held too: a copy of half a mkfs is worth nothing. `release` is given back with it; a failure leaves it to the caller.
 */
export async function quietVolume(env: PoolEnv, pool: Pool, local: string, release: Disposable): Promise<OpenSource<VolumeRecord>> {
  const record = await requireVolume(pool, local);
  if (record.format !== 'blank' && record.format !== 'formatting') return { record, release };
  const quiet = env.locks.acquire({ exclusive: [`publish/${local}`], doing: 'it is being copied before its file system is made' });
  try {
    const both = new DisposableStack();
    // Read again: the file system may have been made since, and a copy of it that is said to be half made would be formatted.
    const current = await requireVolume(pool, local);
    both.use(release);
    both.use(quiet);
    return { record: current, release: both };
  } catch (error) {
    quiet[Symbol.dispose]();
    throw error;
  }
}

function startJob(env: PoolEnv, pool: Pool, record: VolumeRecord, source: OpenSource | undefined, secrets: Call['secrets']): RunningJob {
  return env.jobs.start({
    kind: source === undefined ? 'create' : source.record.kind === 'snapshot' ? 'restore' : 'clone',
    objectId: pool.id(record.id),
    pool: pool.name,
    secrets,
    bounded: source !== undefined && !pool.properties.sharesBlocks,
    work: async (context) => {
      try {
        await fill(pool, record, source?.record, context);
      } catch (error) {
        throw await clearAfter(env, pool, record, error);
      }
    },
    release: () => source?.release[Symbol.dispose](),
  });
}

async function fill(
  pool: Pool,
  record: VolumeRecord,
  source: VolumeRecord | SnapshotRecord | undefined,
  context: CallContext,
): Promise<void> {
  const { volume, clone } = pool.operations;
  const options = createOptions(record);
  if (source === undefined) await volume.createVolume(record.id, options, context);
  else if (source.kind === 'snapshot') await clone?.restoreSnapshot(record.id, source.id, source.volume, options, context);
  else await clone?.cloneVolume(record.id, source.id, { ...options, consistency: record.consistency }, context);
  step('create.filled');
  // What was adopted has the size that it has.
  const size = record.options['volumeDriverId'] === undefined ? undefined : (await volume.getVolumeInfo(record.id)).sizeBytes;
  const ready = await pool.book.update('volume', record.id, (found) => ({ ...found, state: 'ready', size: String(size ?? found.size) }));
  pool.note('volume', record.id, { sizeBytes: BigInt(ready.size), pending: false });
  step('create.ready');
}

/**
 * A failed create leaves nothing; a cancelled one is cleared by whoever cancelled it, or resumed at the next start. Resolves to
 * what the caller is told: the failure, or, while something of it is still there, that it must ask again (CSI: no final code).
 */
async function clearAfter(env: PoolEnv, pool: Pool, record: VolumeRecord, error: unknown): Promise<unknown> {
  if (isConvoyError(error, 'Cancelled')) return error;
  try {
    await clearVolume(pool, record.id);
    return error;
  } catch (failure) {
    env.log.warn(
      { pool: pool.name, volume_id: pool.id(record.id), reason: String(failure) },
      'a failed create could not be cleared; its retry or the next start will',
    );
    return notCleared(`volume ${JSON.stringify(record.name)}`, error, failure);
  }
}

export function notCleared(what: string, error: unknown, failure: unknown): ConvoyError {
  const text = (thrown: unknown): string => (isConvoyError(thrown) ? thrown.message : 'internal error, see the log');
  // Busy, not Unavailable: something of it is here, so that its retry must come here too.
  return new ConvoyError(
    'Busy',
    `${what} was not made: ${text(error)}; what is left of it could not be cleared: ${text(failure)}; try again`,
    {
      cause: error,
    },
  );
}

function refuseOtherPools(env: PoolEnv, pool: Pool, local: LocalVolumeId, name: string): void {
  for (const other of env.pools) {
    if (other === pool || other.state.kind !== 'open' || !other.catalogue.has('volume', local)) continue;
    throw new ConvoyError('AlreadyExists', `volume ${JSON.stringify(name)} exists in pool ${other.name}, asked is pool ${pool.name}`);
  }
}
