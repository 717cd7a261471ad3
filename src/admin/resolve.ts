import { ConvoyError, invalid, isConvoyError, notFound } from '../convoy/errors.ts';
import { formatId, localId, nodeKey, parseId } from '../convoy/ids.ts';
import type { PoolStatus, Pools, Snapshot, TrashItem, Volume } from '../pool/api.ts';

/**
 * The volume that a person means, by id or by name. NotFound, but Unavailable when a pool that could have it is not open, and
 * InvalidArgument when two pools have the name (one of them was away when the name was taken again).
 */
export async function resolveVolume(pools: Pools, idOrName: string): Promise<Volume> {
  required('volume', idOrName);
  if (parseId(idOrName, 'volume') !== undefined) {
    const byId = await orAbsent(pools.getVolume(idOrName));
    if (byId !== undefined) return byId;
  }
  return onlyOne(pools, `volume ${JSON.stringify(idOrName)}`, ({ config }) => pools.findVolume(idOrName, config.name));
}

/** Its id; an id is taken as it is, so that a volume whose record is damaged can still be named. */
export async function resolveVolumeId(pools: Pools, idOrName: string): Promise<string> {
  if (parseId(idOrName, 'volume') !== undefined) return idOrName;
  return (await resolveVolume(pools, idOrName)).id;
}

/** The same for snapshots, which are the manager's of a pool alone. A snapshot's id follows from its name, so that each pool is asked for one. */
export async function resolveSnapshot(pools: Pools, idOrName: string): Promise<Snapshot> {
  required('snapshot', idOrName);
  if (parseId(idOrName, 'snapshot') !== undefined) {
    const byId = await orAbsent(pools.getSnapshot(idOrName));
    if (byId !== undefined) return byId;
  }
  return onlyOne(pools, `snapshot ${JSON.stringify(idOrName)}`, ({ config, scope, isGuest }) => {
    if (isGuest) return Promise.resolve(undefined);
    const id = formatId(config.name, scope === 'global' ? 'global' : nodeKey(pools.nodeName), localId('snapshot', idOrName));
    return orAbsent(pools.getSnapshot(id));
  });
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
  if (only === undefined)
    throw new ConvoyError(
      'NotFound',
      `the trash has no volume or snapshot ${JSON.stringify(item)}; "convoy volumes trash" lists what it has`,
    );
  if (others.length > 0) {
    const list = matches.map(
      ({ pool: of, kind, entry, discardedAt }) => `${kind} ${entry} in pool ${of}, deleted ${discardedAt.toISOString()}`,
    );
    throw invalid(`${JSON.stringify(item)} names ${matches.length} items of the trash; name one by its entry: ${list.join('; ')}`);
  }
  return only;
}

/** Asks each pool for an object of a name. Unknown is not absent: a pool that is away may have it. */
async function onlyOne<T extends { readonly id: string; readonly pool: string }>(
  pools: Pools,
  what: string,
  find: (status: PoolStatus) => Promise<T | undefined>,
): Promise<T> {
  const found: T[] = [];
  let away: ConvoyError | undefined;
  for (const status of await pools.status()) {
    try {
      const object = await find(status);
      if (object !== undefined) found.push(object);
    } catch (error) {
      if (!isConvoyError(error, 'Unavailable')) throw error;
      away ??= error;
    }
  }
  const [only, ...others] = found;
  if (others.length > 0)
    throw invalid(`${what} is in ${found.length} pools: name it by its id, one of ${found.map(({ id }) => id).join(', ')}`);
  if (only !== undefined) return only;
  if (away !== undefined) throw new ConvoyError('Unavailable', `${what} is in no open pool, and ${away.message}`, { cause: away });
  throw notFound(what);
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
