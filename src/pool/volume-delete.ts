import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { type LocalVolumeId, parseId } from '../convoy/ids.ts';
import { step } from '../observe/steps.ts';
import type { Call, DeleteVolumeRequest } from './api.ts';
import { clearHolds, heldElsewhere, unmark } from './holders.ts';
import { openVolume } from './open-volume.ts';
import type { Pool, PoolEnv } from './pool.ts';
import type { VolumeRecord } from './records.ts';
import { routeVolume } from './route.ts';
import type { DiscardOptions } from './trash.ts';
import { clearVolume } from './volume-create.ts';

/**
 * DeleteVolume: refused while anything on this host uses the volume; then one durable rename into the trash. What does not
 * parse as an id, or is proven absent, is deleted already. A running create or copy of it is cancelled first.
 */
export async function deleteVolume(
  env: PoolEnv,
  id: string,
  options: DeleteVolumeRequest,
  call: Call,
): Promise<{ readonly keptAs?: string }> {
  if (parseId(id, 'volume') === undefined) return {};
  const { pool, local } = routeVolume(env, id);
  using _lock = env.locks.acquire({ exclusive: [`volume/${local}`, `publish/${local}`], doing: 'it is being deleted' });
  await pool.ready();
  const running = env.jobs.find(id);
  await running?.cancel(call);
  const read = await pool.book.read('volume', local);
  if (read.kind === 'absent') {
    await forget(pool, local);
    return {};
  }
  if (read.kind === 'damaged') return await deleteDamaged(env, pool, local, read.error);
  if (read.record.state === 'pending') {
    await clearVolume(pool, local);
    return {};
  }
  if (read.record.state === 'ready') await refuseIfUsed(env, pool, read.record);
  if (pool.operations.holders !== undefined) return await deleteShared(env, pool, read.record, options, call);
  return options.referenceOnly === true
    ? await release(pool, read.record, call)
    : await discard(pool, read.record, { purge: options.purge });
}

/** Ends what a stopped process had begun: drivers without trash mark the record before they destroy data. */
export async function resumeDelete(pool: Pool, record: VolumeRecord): Promise<void> {
  if (pool.operations.holders === undefined) await clearVolume(pool, record.id);
  else await unmark(pool, record.id);
}

/**
 * Of a volume that other hosts may use: no node takes it into use once it is marked, and one that did just before is seen then
 * (hold.ts). Where there is no room for the mark, it is looked at again once it is out of sight. A failure takes the mark away.
 */
async function deleteShared(
  env: PoolEnv,
  pool: Pool,
  record: VolumeRecord,
  { referenceOnly, purge }: DeleteVolumeRequest,
  call: Call,
): Promise<{ readonly keptAs?: string }> {
  const marked = await mark(pool, record);
  try {
    await refuseIfUsed(env, pool, record);
    const kept =
      referenceOnly === true
        ? await release(pool, record, call)
        : await discard(pool, record, { purge, ...(marked ? {} : { lookAgain: () => refuseIfHeld(env, pool, record) }) });
    await clearHolds(env, pool, record.id);
    return kept;
  } catch (error) {
    if (marked) await unmarkOrWarn(env, pool, record);
    throw error;
  }
}

/** The first error is the one to tell; the start finds the mark. */
async function unmarkOrWarn(env: PoolEnv, pool: Pool, { id }: VolumeRecord): Promise<void> {
  try {
    if ((await pool.book.find('volume', id)) !== undefined) await unmark(pool, id);
  } catch (error) {
    env.log.warn(
      { pool: pool.name, volume_id: pool.id(id), reason: String(error) },
      'the mark of a refused delete stays until the next one',
    );
  }
}

async function refuseIfHeld(env: PoolEnv, pool: Pool, record: VolumeRecord): Promise<void> {
  refuse(pool, record, await heldElsewhere(env, pool, record.id));
}

async function refuseIfUsed(env: PoolEnv, pool: Pool, record: VolumeRecord): Promise<void> {
  refuse(pool, record, [...((await env.usesOf?.(openVolume(pool, record))) ?? []), ...(await heldElsewhere(env, pool, record.id))]);
}

function refuse(pool: Pool, record: VolumeRecord, uses: readonly string[]): void {
  if (uses.length === 0) return;
  const shown = uses.slice(0, 3).join(', ') + (uses.length > 3 ? ` and ${uses.length - 3} more` : '');
  throw new ConvoyError('InUse', `volume ${pool.id(record.id)} is in use (${shown}): unpublish or unmount it first`);
}

async function discard(pool: Pool, record: VolumeRecord, options: DiscardOptions): Promise<{ readonly keptAs?: string }> {
  if (pool.operations.trash !== undefined) {
    await pool.trash.discard('volume', record.id, options);
    await forget(pool, record.id);
    return {};
  }
  await mark(pool, record);
  await clearVolume(pool, record.id);
  return {};
}

/** False where there is no room for it. */
async function mark(pool: Pool, { id }: VolumeRecord): Promise<boolean> {
  let marked = true;
  try {
    await pool.book.update('volume', id, (found) => ({ ...found, state: 'deleting' }));
  } catch (error) {
    // Without room for the mark, only deleting makes room; cut short, it leaves a volume whose data is said to be missing.
    if (!isConvoyError(error, 'NoSpace')) throw error;
    marked = false;
  }
  step('delete.marked');
  return marked;
}

/** ReferenceOnly: the data stays where VolumeDriverID can adopt it again. */
async function release(pool: Pool, record: VolumeRecord, call: Call): Promise<{ readonly keptAs?: string }> {
  const kept = await pool.operations.volume.deleteVolume(
    record.id,
    { referenceOnly: true },
    { ...pool.ownContext(), secrets: call.secrets },
  );
  await forget(pool, record.id);
  return kept;
}

/** A record of a newer version is refused; a damaged one does not keep its volume from being thrown away, if there is a trash. */
async function deleteDamaged(env: PoolEnv, pool: Pool, local: LocalVolumeId, error: ConvoyError): Promise<{ readonly keptAs?: string }> {
  if (!isConvoyError(error, 'DataLoss') || pool.operations.trash === undefined) throw error;
  const uses = [...((await env.usesOf?.(openVolume(pool, undefined, local))) ?? []), ...(await heldElsewhere(env, pool, local))];
  if (uses.length > 0) throw new ConvoyError('InUse', `volume ${pool.id(local)} (damaged record) is in use (${uses[0]}): unmount it first`);
  env.log.warn({ pool: pool.name, volume_id: pool.id(local) }, 'volume with a damaged record moved to the trash');
  await pool.trash.discard('volume', local);
  await forget(pool, local);
  return {};
}

async function forget(pool: Pool, local: LocalVolumeId): Promise<void> {
  await pool.book.remove('volume', local);
  pool.catalogue.delete('volume', local);
}
