import { isConvoyError } from '../convoy/errors.ts';
import type { OpenVolume } from '../pool/api.ts';
import { isOwnMountPoint } from './admin-mounts.ts';
import type { PublishDeps } from './deps.ts';
import type { OwnMounts } from './own-mounts.ts';
import { ownMounts } from './own-mounts.ts';
import { assertPlainPlace, removeTarget } from './paths.ts';
import type { PlaceRecord } from './record-format.ts';
import { letGoIfUnused, releaseDevices } from './release-devices.ts';
import { identityOf, lookAt } from './standing.ts';
import { withVolumeIfKnown } from './with-volume-if-known.ts';

/**
 * At start: makes the records agree with the mount table, removes targets whose mount a crash or a reboot took, and
 * detaches devices that nobody uses. Unmounts nothing. What fails for one volume is logged and stops no other.
 */
export async function sweep(deps: PublishDeps): Promise<void> {
  const recorded = (await deps.records.list()).map(({ volumeId }) => volumeId);
  // What is held without a record: this host has lost its memory, or a kill came between the two.
  for (const volumeId of new Set([...recorded, ...(await deps.pools.held())])) {
    try {
      await withVolumeIfKnown(deps, volumeId, async (open) => sweepVolume(deps, volumeId, open));
    } catch (error) {
      deps.log.warn({ volume_id: volumeId, error: String(error) }, 'volume could not be swept; the next sweep tries again');
    }
  }
}

async function sweepVolume(deps: PublishDeps, volumeId: string, open: OpenVolume | undefined): Promise<void> {
  const record = await deps.records.read(volumeId);
  const own = await ownMounts(deps, volumeId, open);
  for (const place of record.places) await sweepPlace(deps, volumeId, place, own);
  // Its note may have been taken away, by the word that this node is gone, while it went on.
  const inUse = (await deps.records.read(volumeId)).places.length > 0;
  if (open?.properties.scope === 'global' && inUse) await open.hold({ alone: false });
  // This host has lost its records, and has it mounted all the same: who manages the pool must go on seeing that.
  if (open?.properties.scope === 'global' && record.places.length === 0 && own.table.some((entry) => own.isOwn(entry))) return;
  if (open === undefined && (await isGone(deps, volumeId))) {
    await letGoIfUnused(deps, volumeId);
    await deps.records.setReleasePending(volumeId, false);
  } else await releaseDevices(deps, volumeId, open);
}

async function sweepPlace(deps: PublishDeps, volumeId: string, place: PlaceRecord, own: OwnMounts): Promise<void> {
  const top = own.topmost(place.path);
  // A staged block volume has no mount; records of an earlier boot do not hold it any more.
  if (place.kind === 'staged' && place.access === 'block') return;
  if (top !== undefined) {
    const identity = identityOf(await lookAt(place.path));
    if (own.isOwn(top) && identity !== undefined && identity !== place.identity) await deps.records.put(volumeId, { ...place, identity });
    // A mount that is not proven the volume's is left, and so is the record: unpublish looks again, with the pool open.
    return;
  }
  if (place.kind === 'published' || isOwnMountPoint(deps.root, place.path)) await removeLeftOver(deps, volumeId, place);
  deps.log.info({ volume_id: volumeId, path: place.path, kind: place.kind }, 'mount is gone; its record is forgotten');
  await deps.records.drop(volumeId, place.path);
}

async function removeLeftOver(deps: PublishDeps, volumeId: string, place: PlaceRecord): Promise<void> {
  try {
    if (place.kind === 'published') await assertPlainPlace('target_path', place.path, [deps.root, ...deps.protectedPaths()]);
    await removeTarget(place.path);
  } catch (error) {
    deps.log.warn({ volume_id: volumeId, path: place.path, error: String(error) }, 'left-over target could not be removed');
  }
}

async function isGone(deps: PublishDeps, volumeId: string): Promise<boolean> {
  try {
    await deps.pools.peekVolume(volumeId);
    return false;
  } catch (error) {
    return isConvoyError(error, 'NotFound');
  }
}
