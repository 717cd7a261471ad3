import { open as openFile, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { HealthProblem } from '../convoy/contract.ts';
import type { MountEntry } from '../system/api.ts';
import type { PublishDeps } from './deps.ts';
import { notThere } from './find-place.ts';
import type { OwnMounts } from './own-mounts.ts';
import { ownMounts } from './own-mounts.ts';
import type { PlaceRecord } from './record-format.ts';
import { lookAt } from './standing.ts';

/**
 * NodeGetVolumeHealth, this host's part: are the mounts there, do they answer, did the kernel stop writing. The condition
 * of the data itself is the pool's to tell. NotFound when a path is named where the volume was never put.
 */
export async function health(deps: PublishDeps, volumeId: string, path: string | undefined): Promise<readonly HealthProblem[]> {
  const record = await deps.records.read(volumeId);
  const open = await deps.pools.peekVolume(volumeId);
  const own = await ownMounts(deps, volumeId, open);
  const places = path === undefined ? record.places : record.places.filter((place) => place.path === path);
  const top = path === undefined ? undefined : own.topmost(path);
  if (path !== undefined && places.length === 0) {
    if (top === undefined || !own.isOwn(top)) throw notThere(volumeId, path);
    return mountHealth(deps, top, undefined);
  }
  const problems = await Promise.all(places.map((place) => placeHealth(deps, place, own)));
  return unique(problems.flat());
}

async function placeHealth(deps: PublishDeps, place: PlaceRecord, own: OwnMounts): Promise<readonly HealthProblem[]> {
  if (place.kind === 'staged' && place.access === 'block') return [];
  const top = own.topmost(place.path);
  const found = await lookAt(place.path);
  if (found.kind === 'corrupted')
    return [
      problem(
        'Inaccessible',
        'MountUnreachable',
        `${place.path} does not answer (${found.errno}): check the disk or server, then restart what uses the volume`,
      ),
    ];
  if (top === undefined || !own.isOwn(top))
    return [
      problem(
        'Inaccessible',
        'NotMounted',
        `the volume is not mounted at ${place.path} any more: restart what uses it, so that it is mounted again`,
      ),
    ];
  return mountHealth(deps, top, place);
}

async function mountHealth(deps: PublishDeps, top: MountEntry, place: PlaceRecord | undefined): Promise<readonly HealthProblem[]> {
  if ((await lookAt(top.target)).kind === 'device') return deviceHealth(top.target);
  const problems: HealthProblem[] = [];
  // A file system that was asked for read-write and is read-only now was made so by the kernel, after errors.
  if (place !== undefined && !place.readOnly && top.superOptions.includes('ro'))
    problems.push(
      problem(
        'Degraded',
        'FileSystemReadOnly',
        `the file system at ${top.target} went read-only, as it does after errors: check the disk (dmesg), unmount it and have it checked`,
      ),
    );
  const errors = await ext4Errors(top);
  if (errors > 0)
    problems.push(
      problem(
        'Degraded',
        'FileSystemErrors',
        `ext4 has counted ${errors} errors on ${top.source}: unmount the volume and run e2fsck on it`,
      ),
    );
  try {
    await deps.system.files.stats(top.target);
  } catch (error) {
    problems.push(
      problem('Inaccessible', 'MountUnreachable', `${top.target} does not answer (${errorCode(error)}): check the disk or server`),
    );
  }
  return problems;
}

/** One block is read; a device whose storage is gone says EIO. */
async function deviceHealth(path: string): Promise<readonly HealthProblem[]> {
  try {
    const device = await openFile(path, 'r');
    try {
      await device.read(Buffer.alloc(4096), 0, 4096, 0);
    } finally {
      await device.close();
    }
    return [];
  } catch (error) {
    return [problem('Inaccessible', 'DeviceUnreadable', `the device at ${path} cannot be read (${errorCode(error)}): check its storage`)];
  }
}

/** 0 for other file systems, and where sysfs does not say. */
async function ext4Errors(top: MountEntry): Promise<number> {
  if (top.fsType !== 'ext4') return 0;
  const text = await readFile(`/sys/fs/ext4/${basename(top.source)}/errors_count`, 'latin1').catch(() => '0'); // not in every kernel
  return Number(text) || 0;
}

function unique(problems: readonly HealthProblem[]): readonly HealthProblem[] {
  return [...new Map(problems.map((item) => [`${item.status} ${item.reason}`, item])).values()];
}

const problem = (status: HealthProblem['status'], reason: string, message: string): HealthProblem => ({ status, reason, message });
const errorCode = (error: unknown): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
