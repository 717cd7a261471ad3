import type { FormatGate } from '../convoy/contract.ts';
import { ConvoyError } from '../convoy/errors.ts';
import { type LocalVolumeId, parseId } from '../convoy/ids.ts';
import type { FsType } from '../system/api.ts';
import type { OpenVolume } from './api.ts';
import { hold } from './hold.ts';
import type { Pool, PoolEnv } from './pool.ts';
import type { VolumeRecord } from './records.ts';
import { requireVolume, routeToUse } from './route.ts';
import { placeOf, toVolume } from './views.ts';

/** Runs `work` with the volume's publish lock held, on a volume proven ready. */
export async function withVolume<T>(env: PoolEnv, id: string, work: (volume: OpenVolume) => Promise<T>): Promise<T> {
  const { pool, local } = routeToUse(env, id);
  using _lock = env.locks.acquire({ exclusive: [`publish/${local}`], doing: 'another call publishes, unpublishes or deletes it' });
  await pool.ready();
  return await work(openVolume(pool, await requireVolume(pool, local)));
}

/** Without a lock, for the calls that the kubelet polls. */
export async function peekVolume(env: PoolEnv, id: string): Promise<OpenVolume> {
  const { pool, local } = routeToUse(env, id);
  await pool.ready();
  return openVolume(pool, await requireVolume(pool, local));
}

/** The publish lock alone, for calls that must work without the pool (unpublish). An id that is none of ours has no lock. */
export function lockPublish(env: PoolEnv, id: string): Disposable {
  const parsed = parseId(id, 'volume');
  if (parsed === undefined) return { [Symbol.dispose]: () => {} };
  return env.locks.acquire({ exclusive: [`publish/${parsed.local}`], doing: 'another call publishes, unpublishes or deletes it' });
}

/** A volume in the hands of publish. Without a record (damaged) it can be looked at, not formatted. */
export function openVolume(pool: Pool, record: VolumeRecord | undefined, local: LocalVolumeId | undefined = record?.id): OpenVolume {
  if (local === undefined) throw new ConvoyError('Internal', 'openVolume needs a record or an id');
  const { access } = pool.operations;
  return {
    volume: record === undefined ? damagedVolume(pool, local) : toVolume(pool, record),
    driver: pool.driver,
    properties: pool.properties,
    openAccess: (options) => access.openAccess(local, options),
    devices: () => access.devices(local),
    releaseUnused: (used) => access.releaseUnused(local, used),
    format: formatGate(pool, local, record),
    ...(record?.format === 'formatted' && record.fsType !== undefined ? { formattedAs: record.fsType } : {}),
    markRaw: async () => {
      if (record?.format === 'never') return;
      await pool.book.update('volume', local, (found) => ({ ...found, format: 'never' }));
    },
    context: (call) => ({ signal: call.signal, secrets: call.secrets, progress: () => {} }),
    hold: (options) => hold(pool, local, options),
    holders: async () => (await pool.operations.holders?.holders(local)) ?? [],
  };
}

function formatGate(pool: Pool, local: LocalVolumeId, record: VolumeRecord | undefined): FormatGate {
  const set = async (state: FormatGate['state'], fsType: FsType): Promise<void> => {
    await pool.book.update('volume', local, (found) => ({ ...found, format: state, fsType }));
  };
  return {
    state: record?.format ?? 'never',
    begin: (fsType) => set('formatting', fsType),
    done: (fsType) => set('formatted', fsType),
  };
}

/** What is shown of a volume whose record cannot be read: it exists; its size is not known. */
export function damagedVolume(pool: Pool, local: LocalVolumeId): OpenVolume['volume'] {
  return {
    id: pool.id(local),
    name: '',
    pool: pool.name,
    driver: pool.driver.name(),
    state: 'ready',
    sizeBytes: 0n,
    createdAt: new Date(0),
    use: { mount: false, block: false },
    sizeEnforced: pool.properties.sizeEnforced,
    ...placeOf(pool),
    damaged: true,
  };
}
