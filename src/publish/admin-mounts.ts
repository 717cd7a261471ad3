import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConvoyError, fromErrno, invalid } from '../convoy/errors.ts';
import { parseId } from '../convoy/ids.ts';
import type { Call, OpenVolume } from '../pool/api.ts';
import type { PublishDeps } from './deps.ts';
import { isWithin } from './mount-table.ts';
import type { OwnMounts } from './own-mounts.ts';
import { ownMounts } from './own-mounts.ts';
import { assertPlainPlace, isEmptyDirectory, parsePath, removeTarget } from './paths.ts';
import type { NodeRecord } from './record-format.ts';
import { placeAt } from './record-format.ts';
import { releaseDevices } from './release-devices.ts';
import { identityOf, lookAt } from './standing.ts';
import { takeDown } from './take-down.ts';
import { fileSystemFor } from './terms.ts';
import { whileHeld } from './while-held.ts';
import { withVolumeIfKnown } from './with-volume-if-known.ts';

/**
 * An admin's mount of the whole volume (Convoy's MountPoint), beside what the CO does: at an existing, empty directory, or
 * at one of ours below the root. Again at the same place is fine.
 */
export async function mountForAdmin(
  deps: PublishDeps,
  volumeId: string,
  mountPoint: string | undefined,
  options: { readonly readOnly: boolean },
  call: Call,
): Promise<string> {
  const path = mountPoint === undefined ? defaultMountPoint(deps, volumeId) : parsePath('MountPoint', mountPoint);
  if (mountPoint !== undefined) await assertPlainPlace('MountPoint', path, [deps.root, ...deps.protectedPaths()]);
  await deps.pools.withVolume(volumeId, async (open) => {
    const record = await deps.records.read(volumeId);
    const own = await ownMounts(deps, volumeId, open);
    if (await isMountedThere(deps, record, own, path, options.readOnly)) return;
    if (mountPoint === undefined) await mkdir(path, { recursive: true, mode: 0o700 });
    await assertUsable(path);
    const block = record.places.find((place) => place.access === 'block');
    if (block !== undefined)
      throw new ConvoyError(
        'InUse',
        `volume ${volumeId} is ${block.kind} as a raw block device at ${block.path}: it is not mounted beside that`,
      );
    await whileHeld(deps, volumeId, open, { alone: false }, async () => {
      await deps.records.put(volumeId, { path, kind: 'mounted', access: 'mount', readOnly: options.readOnly, fsType: '' });
      try {
        await mountWhole(deps, open, own, { path, readOnly: options.readOnly }, call);
      } catch (error) {
        if ((await deps.system.mounts.find(path)) === undefined) await forget(deps, volumeId, path);
        throw error;
      }
    });
    await noteIdentity(deps, record.volumeId, path, options.readOnly);
  });
  return path;
}

/** Unmounts what mountForAdmin mounted there, or everywhere. Not mounted is fine. What the CO staged or published is refused. */
export async function umountForAdmin(deps: PublishDeps, volumeId: string, mountPoint: string | undefined, call: Call): Promise<void> {
  const asked = mountPoint === undefined ? undefined : parsePath('MountPoint', mountPoint);
  await withVolumeIfKnown(deps, volumeId, async (open) => {
    const record = await deps.records.read(volumeId);
    const own = async (): Promise<OwnMounts> => ownMounts(deps, volumeId, open);
    const paths = asked === undefined ? record.places.filter((place) => place.kind === 'mounted').map((place) => place.path) : [asked];
    for (const path of paths) {
      const place = placeAt(record, path);
      if (place !== undefined && place.kind !== 'mounted')
        throw new ConvoyError(
          'InUse',
          `volume ${volumeId} is ${place.kind} at ${path} for an orchestrator: end what uses it there, it is then unmounted`,
        );
      await takeDown(deps, { volumeId, path, place, own, poolAnswers: open !== undefined, how: 'child', signal: call.signal });
      await forget(deps, volumeId, path);
    }
    if (paths.length > 0 && (open !== undefined || record.places.length > 0)) await releaseDevices(deps, volumeId, open);
  });
}

/** True for a directory that we make and remove ourselves. */
export const isOwnMountPoint = (root: string, path: string): boolean => isWithin(path, join(root, 'mounts'));

function defaultMountPoint(deps: PublishDeps, volumeId: string): string {
  return join(deps.root, 'mounts', createHash('sha256').update(volumeId).digest('hex').slice(0, 32));
}

async function isMountedThere(deps: PublishDeps, record: NodeRecord, own: OwnMounts, path: string, readOnly: boolean): Promise<boolean> {
  const place = placeAt(record, path);
  if (place !== undefined && place.kind !== 'mounted')
    throw new ConvoyError('InUse', `volume ${record.volumeId} is ${place.kind} at ${path} already: give another MountPoint`);
  const top = own.topmost(path);
  if (top === undefined) return false;
  if (!own.isOwn(top))
    throw new ConvoyError('InUse', `${path} is a mount of something else (${top.fsType} on ${top.device}): give another MountPoint`);
  if (top.options.includes('ro') !== readOnly)
    throw new ConvoyError(
      'AlreadyExists',
      `volume ${record.volumeId} is mounted ${readOnly ? 'read-write' : 'read-only'} at ${path} already: unmount it first`,
    );
  await noteIdentity(deps, record.volumeId, path, readOnly);
  return true;
}

async function noteIdentity(deps: PublishDeps, volumeId: string, path: string, readOnly: boolean): Promise<void> {
  const identity = identityOf(await lookAt(path));
  await deps.records.put(volumeId, {
    path,
    kind: 'mounted',
    access: 'mount',
    readOnly,
    fsType: '',
    ...(identity === undefined ? {} : { identity }),
  });
}

async function assertUsable(path: string): Promise<void> {
  const found = await lookAt(path);
  if (found.kind !== 'directory') throw invalid(`MountPoint ${path} must be an existing directory, found: ${found.kind}`);
  if (!(await isEmptyDirectory(path))) throw invalid(`MountPoint ${path} holds files, which a mount would hide: give an empty directory`);
}

/**
 * Read-only beside a mount that is there is a bind of it: a read-only device of its own would show an image that another
 * device writes, without the journal that makes sense of it.
 */
async function mountWhole(
  deps: PublishDeps,
  open: OpenVolume,
  own: OwnMounts,
  { path, readOnly }: { path: string; readOnly: boolean },
  call: Call,
): Promise<void> {
  const local = parseId(open.volume.id, 'volume')?.local;
  if (local === undefined) throw new ConvoyError('Internal', `volume id ${open.volume.id} does not parse`);
  const existing =
    open.properties.access === 'device'
      ? own.table.find((entry) => own.isOwn(entry) && entry.root === '/' && own.topmost(entry.target) === entry)
      : undefined;
  if (readOnly && existing !== undefined) {
    await deps.system.mounts.bind(existing.target, path, { readOnly: true }).catch((error: unknown) => {
      throw fromErrno(error, `binding ${existing.target} to ${path}`);
    });
    return;
  }
  const fsType = fileSystemFor(open, '');
  await open.driver
    .volumeOps()
    .mountVolume(
      local,
      { mountPoint: path, readOnly, flags: [], format: open.format, ...(fsType === undefined ? {} : { fsType }) },
      open.context(call),
    );
}

async function forget(deps: PublishDeps, volumeId: string, path: string): Promise<void> {
  if (isOwnMountPoint(deps.root, path)) await removeTarget(path);
  await deps.records.drop(volumeId, path);
}
