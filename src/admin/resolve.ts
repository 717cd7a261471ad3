import { invalid, isConvoyError, notFound } from '../convoy/errors.ts';
import { formatId, localId, nodeKey, parseId } from '../convoy/ids.ts';
import type { Pools, Snapshot, TrashItem, Volume } from '../pool/api.ts';

/** The volume that a person means, by id or by name. NotFound, Unavailable when a pool that could have it is not open. */
export async function resolveVolume(pools: Pools, idOrName: string): Promise<Volume> {
  required('volume', idOrName);
  if (parseId(idOrName, 'volume') !== undefined) {
    const byId = await orAbsent(pools.getVolume(idOrName));
    if (byId !== undefined) return byId;
  }
  const found = await pools.findVolume(idOrName);
  if (found === undefined) throw notFound(`volume ${JSON.stringify(idOrName)}`);
  return found;
}

/** Its id; an id is taken as it is, so that a volume whose record is damaged can still be named. */
export async function resolveVolumeId(pools: Pools, idOrName: string): Promise<string> {
  if (parseId(idOrName, 'volume') !== undefined) return idOrName;
  return (await resolveVolume(pools, idOrName)).id;
}

/** The same for snapshots. A snapshot's id follows from its name, so that each pool is asked for one. */
export async function resolveSnapshot(pools: Pools, idOrName: string): Promise<Snapshot> {
  required('snapshot', idOrName);
  if (parseId(idOrName, 'snapshot') !== undefined) {
    const byId = await orAbsent(pools.getSnapshot(idOrName));
    if (byId !== undefined) return byId;
  }
  for (const { config, scope } of await pools.status()) {
    const id = formatId(config.name, scope === 'global' ? 'global' : nodeKey(pools.nodeName), localId('snapshot', idOrName));
    const found = await orAbsent(pools.getSnapshot(id));
    if (found !== undefined) return found;
  }
  throw notFound(`snapshot ${JSON.stringify(idOrName)}`);
}

export async function resolveSnapshotId(pools: Pools, idOrName: string): Promise<string> {
  if (parseId(idOrName, 'snapshot') !== undefined) return idOrName;
  return (await resolveSnapshot(pools, idOrName)).id;
}

/** One item of the trash by entry, id or name. InvalidArgument lists the items when several match. */
export async function resolveTrashItem(pools: Pools, pool: string, item: string): Promise<TrashItem> {
  required('item', item);
  const items = await pools.listTrash(pool === '' ? undefined : pool);
  const byEntry = items.filter(({ entry }) => entry === item);
  const matches = byEntry.length > 0 ? byEntry : items.filter(({ id, name }) => id === item || name === item);
  const [only, ...others] = matches;
  if (only === undefined) throw notFound(`a deleted volume or snapshot ${JSON.stringify(item)} in the trash`);
  if (others.length > 0) {
    const list = matches.map(
      ({ pool: of, kind, entry, discardedAt }) => `${kind} ${entry} in pool ${of}, deleted ${discardedAt.toISOString()}`,
    );
    throw invalid(`${JSON.stringify(item)} names ${matches.length} items of the trash; name one by its entry: ${list.join('; ')}`);
  }
  return only;
}

function required(field: string, value: string): void {
  if (value === '') throw invalid(`${field} is required: an id or a name`);
}

async function orAbsent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isConvoyError(error, 'NotFound')) return undefined;
    throw error;
  }
}
