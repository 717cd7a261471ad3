import { realpath } from 'node:fs/promises';
import { parseId } from '../convoy/ids.ts';
import type { OpenVolume } from '../pool/api.ts';
import type { MountEntry } from '../system/api.ts';
import type { PublishDeps } from './deps.ts';
import type { MountTable } from './mount-table.ts';
import { isWithin, locate, topmostAt } from './mount-table.ts';
import type { PlaceRecord } from './record-format.ts';
import { identityOf, lookAt } from './standing.ts';
import { boundDevices } from './used-devices.ts';

/** The mount table read once, with the proof of which of its mounts show this volume. */
export interface OwnMounts {
  readonly table: MountTable;
  isOwn(entry: MountEntry): boolean;
  /** The topmost mount at `path`, whose ever it is. */
  topmost(path: string): MountEntry | undefined;
}

/**
 * Proves by the storage itself: a mount is the volume's if its device is one of the volume's, a bound node of one, or its
 * root is the volume's directory. Without an answering pool only a root that goes through the volume's own id, which is
 * a hash, is proof.
 */
export async function ownMounts(
  deps: Pick<PublishDeps, 'system' | 'log'>,
  volumeId: string,
  open: OpenVolume | undefined,
): Promise<OwnMounts> {
  const table = await deps.system.mounts.list();
  const isOwn = (open === undefined ? undefined : await byStorage(deps, open, table)) ?? byName(volumeId);
  return { table, isOwn, topmost: (path) => topmostAt(table, path) };
}

/** One lstat: the volume's root, or its device node, stands at the place. False may also mean "cannot tell": ask ownMounts. */
export async function isShowing(place: PlaceRecord): Promise<boolean> {
  return place.identity !== undefined && identityOf(await lookAt(place.path)) === place.identity;
}

/** The place is mounted, as the kernel's table has it. */
export async function isMounted(place: PlaceRecord, own: () => Promise<OwnMounts>): Promise<boolean> {
  if (await isShowing(place)) return true;
  const { topmost, isOwn } = await own();
  const top = topmost(place.path);
  return top !== undefined && (isOwn(top) || (await lookAt(place.path)).kind === 'corrupted');
}

async function byStorage(
  deps: Pick<PublishDeps, 'log'>,
  open: OpenVolume,
  table: MountTable,
): Promise<((entry: MountEntry) => boolean) | undefined> {
  try {
    return open.properties.access === 'device' ? await byDevice(open, table) : await byDirectory(open, table);
  } catch (error) {
    // A volume whose data is gone or damaged must still be taken down.
    deps.log.warn(
      { volume_id: open.volume.id, error: String(error) },
      'storage does not say where the volume is offered; mounts are matched by id alone',
    );
    return undefined;
  }
}

async function byDevice(open: OpenVolume, table: MountTable): Promise<(entry: MountEntry) => boolean> {
  const devices = new Set(await open.devices());
  const bound = (await boundDevices(table)).filter((node) => devices.has(node.device)).map((node) => node.entry.id);
  const ids = new Set(bound);
  return (entry) => devices.has(entry.device) || ids.has(entry.id);
}

async function byDirectory(open: OpenVolume, table: MountTable): Promise<((entry: MountEntry) => boolean) | undefined> {
  const access = await open.openAccess({ readOnly: true, raw: false });
  try {
    const place = access.kind === 'directory' ? locate(table, await realpath(access.path)) : undefined;
    if (place === undefined) return undefined;
    return (entry) => entry.device === place.device && isWithin(entry.root, place.root);
  } finally {
    await access.close();
  }
}

function byName(volumeId: string): (entry: MountEntry) => boolean {
  const local = parseId(volumeId, 'volume')?.local;
  return (entry) => local !== undefined && entry.root.split('/').includes(local);
}
