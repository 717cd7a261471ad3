import type { HealthProblem } from '../convoy/contract.ts';
import { type ConvoyError, isConvoyError, notFound } from '../convoy/errors.ts';
import { type LocalVolumeId, parseId } from '../convoy/ids.ts';
import type { Pool, PoolEnv } from './pool.ts';
import { routeToUse } from './route.ts';

/** Health of one volume (CSI 1.13): a pool that is not there, a damaged record, and what the driver finds. */
export async function volumeHealth(env: PoolEnv, id: string): Promise<readonly HealthProblem[]> {
  if (parseId(id, 'volume') === undefined) throw notFound(`volume ${JSON.stringify(id.slice(0, 128))}`);
  const { pool, local } = routeToUse(env, id);
  const problem = await poolProblem(pool);
  if (problem !== undefined) return [problem];
  if (!pool.catalogue.has('volume', local) && (await pool.book.read('volume', local)).kind === 'absent') throw notFound(`volume ${id}`);
  return volumeProblems(pool, local);
}

/** Of an open pool. */
export async function volumeProblems(pool: Pool, local: LocalVolumeId): Promise<readonly HealthProblem[]> {
  const problems: HealthProblem[] = [];
  const read = await pool.book.read('volume', local);
  if (read.kind === 'damaged') problems.push(recordProblem(read.error));
  if (read.kind === 'absent')
    problems.push({ status: 'DataLoss', reason: 'RecordMissing', message: `volume ${pool.id(local)} has data but no record` });
  if (read.kind === 'found' && read.record.state === 'pending') return problems;
  const found = [...problems, ...((await pool.operations.health?.volumeHealth(local)) ?? [])];
  return found.length > 0 || read.kind !== 'found' ? found : sizeProblems(pool, local, BigInt(read.record.size));
}

/** A record of a newer version, or on a disk that does not answer, is not lost. */
function recordProblem({ code, message }: ConvoyError): HealthProblem {
  return code === 'DataLoss'
    ? { status: 'DataLoss', reason: 'RecordDamaged', message }
    : { status: 'Inaccessible', reason: 'RecordUnreadable', message };
}

/** The driver cannot see the record: that the storage is smaller than what was promised is seen here. */
async function sizeProblems(pool: Pool, local: LocalVolumeId, promised: bigint): Promise<readonly HealthProblem[]> {
  if (!pool.properties.sizeEnforced) return [];
  const { sizeBytes } = await pool.operations.volume.getVolumeInfo(local);
  if (sizeBytes === undefined || sizeBytes >= promised) return [];
  return [
    {
      status: 'DataLoss',
      reason: 'DataShort',
      message: `volume ${pool.id(local)} has ${sizeBytes} bytes of storage, its record says ${promised}: something cut it; restore it`,
    },
  ];
}

/** Health of the storage under all pools. */
export async function storageHealth(env: PoolEnv): Promise<readonly (HealthProblem & { readonly pool: string })[]> {
  const found = await Promise.all(
    [...env.pools, ...env.guests].map(async (pool) => {
      const problem = await poolProblem(pool);
      const problems = problem === undefined ? ((await pool.operations.health?.storageHealth()) ?? []) : [problem];
      return problems.map((each) => ({ ...each, pool: pool.name }));
    }),
  );
  return found.flat();
}

async function poolProblem(pool: Pool): Promise<HealthProblem | undefined> {
  try {
    await pool.ready();
    return undefined;
  } catch (error) {
    if (!isConvoyError(error)) throw error;
    return { status: 'Inaccessible', reason: 'PoolUnavailable', message: error.message };
  }
}
