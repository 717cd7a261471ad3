import { fromErrno, isConvoyError, isErrno } from '../convoy/errors.ts';
import { step } from '../observe/steps.ts';
import type { Call, OpenVolume } from '../pool/api.ts';
import type { PublishDeps } from './deps.ts';
import { isShowing, ownMounts } from './own-mounts.ts';
import { assertPlainPlace, parsePath, removeTarget } from './paths.ts';
import type { NodeRecord, PlaceRecord } from './record-format.ts';
import { placeAt } from './record-format.ts';
import { releaseDevices } from './release-devices.ts';
import { takeDown } from './take-down.ts';
import { withVolumeIfKnown } from './with-volume-if-known.ts';

/**
 * NodeUnpublishVolume: unmount, remove the target, forget it, in this order, so that a killed call is finished by the same
 * call. Works without an open pool and for volumes that are gone. Only the empty directory or file of a target is
 * removed, never anything below it.
 */
export async function unpublish(deps: PublishDeps, volumeId: string, targetPath: string, call: Call): Promise<void> {
  const target = parsePath('target_path', targetPath);
  const there = await parentExists(deps, target);
  await withVolumeIfKnown(deps, volumeId, async (open) => {
    const record = await deps.records.read(volumeId);
    const place = placeAt(record, target);
    if (there) await takeDownAndRemove(deps, { record, target, place, open }, call);
    await deps.records.drop(volumeId, target);
    const isDevice = place === undefined ? open?.properties.access === 'device' : place.access === 'block';
    if (isDevice || record.damaged === true) await releaseDevices(deps, volumeId, open);
  });
}

interface Target {
  readonly record: NodeRecord;
  readonly target: string;
  readonly place: PlaceRecord | undefined;
  readonly open: OpenVolume | undefined;
}

/** A missing parent means that the CO has cleaned up already. */
async function parentExists(deps: PublishDeps, target: string): Promise<boolean> {
  try {
    await assertPlainPlace('target_path', target, [deps.root, ...deps.protectedPaths()]);
    return true;
  } catch (error) {
    if (isConvoyError(error, 'Precondition')) return false;
    throw error;
  }
}

async function takeDownAndRemove(deps: PublishDeps, request: Target, call: Call): Promise<void> {
  const fast = await takenDownFast(deps, request);
  if (!fast) await takeDownByTable(deps, request, call);
  step('unpublish.unbound');
  try {
    await removeTarget(request.target);
  } catch (error) {
    if (!fast || !isErrno(error, 'EBUSY')) throw fromErrno(error, `removing the target ${request.target}`);
    await takeDownByTable(deps, request, call);
    await removeTarget(request.target).catch((again: unknown) => {
      throw fromErrno(again, `removing the target ${request.target}`);
    });
  }
}

/**
 * The usual case, without the mount table: the record names the target, the volume stands there, and its file system stays
 * mounted at the staging path, so that this unmount has nothing to write. What is stacked below shows when the target
 * is removed: rmdir then says EBUSY.
 */
async function takenDownFast(deps: PublishDeps, { record, place }: Target): Promise<boolean> {
  if (place === undefined || place.access === 'block' || !(await isShowing(place))) return false;
  const staged = record.places.find((other) => other.kind === 'staged' && other.identity === place.identity);
  if (staged === undefined || !(await isShowing(staged))) return false;
  try {
    await deps.system.mounts.unbind(place.path);
    return true;
  } catch (error) {
    // Busy, or gone meanwhile: the careful way finds out which.
    if (isErrno(error, 'EBUSY', 'EINVAL', 'ENOENT')) return false;
    throw fromErrno(error, `unmounting ${place.path}`);
  }
}

async function takeDownByTable(deps: PublishDeps, { record, target, place, open }: Target, call: Call): Promise<void> {
  const own = async (): ReturnType<typeof ownMounts> => ownMounts(deps, record.volumeId, open);
  const { table, topmost } = await own();
  const top = topmost(target);
  if (top === undefined) return;
  // The last mount of a file system writes its dirty data: not in the thread that serves everybody.
  const last = table.filter((entry) => entry.device === top.device).length === 1;
  await takeDown(deps, {
    volumeId: record.volumeId,
    path: target,
    place,
    own,
    poolAnswers: open !== undefined,
    how: last ? 'child' : 'fast',
    signal: call.signal,
  });
}
