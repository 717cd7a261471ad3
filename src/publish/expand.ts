import { ConvoyError, isErrno } from '../convoy/errors.ts';
import type { Call, OpenVolume, SizeRange } from '../pool/api.ts';
import type { MountEntry } from '../system/api.ts';
import { fromCommand } from './command-errors.ts';
import type { PublishDeps } from './deps.ts';
import { notThere } from './find-place.ts';
import type { MountTable } from './mount-table.ts';
import { topmostAt } from './mount-table.ts';
import { ownMounts } from './own-mounts.ts';

/**
 * NodeExpandVolume: the file system grows to its device, which the controller's expand has made larger. Growing is done
 * through a writable mount of the file system, so a volume published read-only grows where it is staged. Directories and
 * raw devices need nothing. Again is fine.
 */
export async function expand(deps: PublishDeps, volumeId: string, path: string, range: SizeRange, call: Call): Promise<bigint> {
  return deps.pools.withVolume(volumeId, async (open) => {
    const own = await ownMounts(deps, volumeId, open);
    const top = own.topmost(path);
    const staged = (await deps.records.read(volumeId)).places.some(
      (place) => place.kind === 'staged' && place.access === 'block' && place.path === path,
    );
    if (!staged && (top === undefined || !own.isOwn(top))) throw notThere(volumeId, path);
    requireRange(open, range);
    const isRaw = staged || top?.fsType === 'devtmpfs' || (top?.fsType === 'tmpfs' && top.root !== '/');
    if (open.properties.access === 'device' && !isRaw && top !== undefined) await growAt(deps, open, own.table, top.device, call);
    return open.volume.sizeBytes;
  });
}

function requireRange({ volume }: OpenVolume, { requiredBytes, limitBytes }: SizeRange): void {
  if (requiredBytes !== undefined && requiredBytes > volume.sizeBytes)
    throw new ConvoyError(
      'OutOfRange',
      `volume ${volume.id} has ${volume.sizeBytes} bytes, asked are ${requiredBytes}: expand it with ControllerExpandVolume first`,
    );
  if (limitBytes !== undefined && limitBytes < volume.sizeBytes)
    throw new ConvoyError(
      'OutOfRange',
      `volume ${volume.id} has ${volume.sizeBytes} bytes, more than the limit of ${limitBytes}: a volume is never made smaller`,
    );
}

async function growAt(deps: PublishDeps, open: OpenVolume, table: MountTable, device: string, call: Call): Promise<void> {
  const mounts = table.filter((entry) => entry.device === device && entry.root === '/' && topmostAt(table, entry.target) === entry);
  const writable = mounts.find((entry) => !entry.options.includes('ro') && !entry.superOptions.includes('ro'));
  if (writable === undefined)
    throw new ConvoyError(
      'Precondition',
      `volume ${open.volume.id} is mounted read-only everywhere on this host, so its file system cannot grow: stage it read-write first`,
    );
  await growTo(deps, writable, open, call).catch((error: unknown) => {
    if (isErrno(error, 'EPERM'))
      throw new ConvoyError(
        'Precondition',
        `the ${writable.fsType} file system at ${writable.target} cannot grow while it is mounted, since this process lacks CAP_SYS_RESOURCE: grant it, or restart what uses the volume; it grows when it is staged anew`,
        { cause: error },
      );
    throw fromCommand(error, `growing the ${writable.fsType} file system at ${writable.target}`);
  });
}

async function growTo(
  { system }: PublishDeps,
  { source, target, fsType }: MountEntry,
  { volume }: OpenVolume,
  { signal }: Call,
): Promise<void> {
  const [deviceBytes, fsBytes] = await Promise.all([
    system.blocks.sizeBytes(source),
    system.blocks.fsSizeBytes(source, fsType, { signal }),
  ]);
  // The controller's expand sets the device's size after the storage's; between the two a retry of it is due.
  if (deviceBytes < volume.sizeBytes)
    throw new ConvoyError(
      'Unavailable',
      `${source} has ${deviceBytes} bytes, less than the ${volume.sizeBytes} of volume ${volume.id}: repeat ControllerExpandVolume, then try again`,
    );
  if (fsBytes === undefined || fsBytes < deviceBytes) await system.blocks.growMounted({ device: source, target, fsType }, { signal });
}
