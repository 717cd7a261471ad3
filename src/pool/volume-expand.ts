import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { step } from '../observe/steps.ts';
import type { Call, SizeRange, Volume } from './api.ts';
import type { Pool, PoolEnv } from './pool.ts';
import { promise } from './promises.ts';
import type { VolumeRecord } from './records.ts';
import { requireVolume, routeVolume } from './route.ts';
import { toVolume } from './views.ts';
import { planSize } from './volume-plan.ts';

/**
 * ControllerExpandVolume: the storage grows first, then the record. The file system inside is grown by the node (publish). No
 * room is NoSpace, which the protocol edge turns into OUT_OF_RANGE, so that the resizer lets the user ask for less.
 */
export async function expandVolume(env: PoolEnv, id: string, range: SizeRange, call: Call): Promise<Volume> {
  const { pool, local } = routeVolume(env, id);
  using _lock = env.locks.acquire({ exclusive: [`volume/${local}`], doing: 'it is being expanded' });
  await pool.ready();
  const record = await requireVolume(pool, local);
  const size = BigInt(record.size);
  if (range.limitBytes !== undefined && range.limitBytes < size)
    throw new ConvoyError('OutOfRange', `limit ${range.limitBytes} is below the volume's ${size} bytes; volumes never shrink`);
  if ((range.requiredBytes ?? 0n) <= size) return toVolume(pool, record);
  if (pool.operations.expand === undefined)
    throw new ConvoyError('NotSupported', `driver ${pool.driver.name()} of pool ${pool.name} cannot grow volumes`);
  return await grow(pool, record, planSize(range, pool.config, pool.properties), call);
}

async function grow(pool: Pool, record: VolumeRecord, bytes: bigint, call: Call): Promise<Volume> {
  await promise(pool, 'volume', record.id, { sizeBytes: bytes, pending: false }, `growing volume ${pool.id(record.id)}`);
  try {
    // Growing is short and half of it is no state that a caller should find: it does not stop when the caller leaves.
    await pool.operations.expand?.expandVolume(record.id, bytes, { thin: record.thin }, { ...pool.ownContext(), secrets: call.secrets });
    step('expand.grown');
    const grown = await pool.book.update('volume', record.id, (found) => ({ ...found, size: String(bytes) }));
    step('expand.recorded');
    return toVolume(pool, grown);
  } catch (error) {
    pool.catalogue.set('volume', record.id, { sizeBytes: BigInt(record.size), pending: false });
    if (isConvoyError(error, 'NotFound'))
      throw new ConvoyError('DataLoss', `the data of volume ${pool.id(record.id)} is missing: ${error.message}`, { cause: error });
    throw error;
  }
}
