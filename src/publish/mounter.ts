import { realpath } from 'node:fs/promises';
import type { Access, CallContext, Mounter, MountVolumeOptions } from '../convoy/contract.ts';
import { ConvoyError, fromErrno, isErrno } from '../convoy/errors.ts';
import { step } from '../observe/steps.ts';
import { CommandError, type FsType, type MountEntry, type System } from '../system/api.ts';
import { fromCommand, stillMounted } from './command-errors.ts';
import type { MountFlags } from './mount-flags.ts';
import { parseMountFlags, requirePerMountOnly } from './mount-flags.ts';
import type { MountTable } from './mount-table.ts';
import { locate, mountsAt, mountsOf, topmostAt } from './mount-table.ts';
import { checkFileSystem, PATIENT, prepareDevice } from './prepare-device.ts';
import { boundDevices } from './used-devices.ts';

/** The shared code that turns what a driver offers into a mounted volume. No driver formats or mounts by itself. */
export function makeMounter(system: System): Mounter {
  return {
    mount: async (access, opts, call) => {
      if (access.kind === 'directory') await mountDirectory(system, access.path, opts);
      else await mountDevice(system, access, opts, call);
    },
    unmount: async (target, call) => unmountAll(system, target, call),
    targets: async (access) => {
      const table = await system.mounts.list();
      if (access.kind === 'device') return mountsOf(table, { device: access.device, root: '/' }).map((entry) => entry.target);
      const place = locate(table, await resolve(access.path));
      return place === undefined ? [] : mountsOf(table, place).map((entry) => entry.target);
    },
  };
}

type Device = Extract<Access, { kind: 'device' }>;

async function mountDirectory(system: System, path: string, opts: MountVolumeOptions): Promise<void> {
  const flags = parseMountFlags(opts.flags);
  requirePerMountOnly(flags);
  const readOnly = opts.readOnly || flags.readOnly;
  const source = await resolve(path);
  const table = await system.mounts.list();
  const place = locate(table, source);
  const top = topmostAt(table, opts.mountPoint);
  if (top !== undefined) return requireSame(top, top.device === place?.device && top.root === place.root, readOnly);
  await system.mounts.bind(source, opts.mountPoint, { readOnly, flags: flags.perMount }).catch((error: unknown) => {
    throw fromErrno(error, `binding the volume to ${opts.mountPoint}`);
  });
  step('stage.mounted');
}

/**
 * Probe, format if that is proven right, check, mount, grow. What is mounted elsewhere already is neither probed nor
 * formatted nor checked: its file system is live.
 */
async function mountDevice(system: System, device: Device, opts: MountVolumeOptions, call: CallContext): Promise<void> {
  const flags = parseMountFlags(opts.flags);
  const readOnly = opts.readOnly || flags.readOnly || device.readOnly;
  const table = await system.mounts.list();
  const top = topmostAt(table, opts.mountPoint);
  const live = table.filter((entry) => entry.device === device.device);
  const elsewhere = live.find((entry) => entry.root === '/');
  if (top !== undefined) {
    requireSame(top, live.includes(top) && top.root === '/', readOnly);
    requireType(top, opts.fsType);
  } else if (elsewhere !== undefined) {
    requireType(elsewhere, opts.fsType);
    await mountAgain(system, device, elsewhere, live, { target: opts.mountPoint, readOnly, flags }, call);
  } else {
    await mountFirst(system, device, table, { ...opts, readOnly }, flags, call);
    return;
  }
  const fsType = (top ?? elsewhere)?.fsType;
  if (!readOnly && fsType !== undefined) await grow(system, device.path, opts.mountPoint, fsType, call);
}

async function mountFirst(
  system: System,
  device: Device,
  table: MountTable,
  opts: MountVolumeOptions,
  flags: MountFlags,
  call: CallContext,
): Promise<void> {
  const raw = (await boundDevices(table)).find((node) => node.device === device.device);
  if (raw !== undefined)
    throw new ConvoyError(
      'InUse',
      `${device.path} is in use as a raw block device at ${raw.target}: unpublish it before mounting a file system from it`,
    );
  const { fsType, fresh } = await prepareDevice(system, device, opts.fsType, opts.format, call);
  // A read-only mount may be one of many hosts': it writes nothing but, on a writable device, the journal's replay.
  if (!fresh && !opts.readOnly) await checkFileSystem(system, device.path, fsType);
  const request = { source: device.path, target: opts.mountPoint, fsType, readOnly: opts.readOnly, flags };
  await mountFileSystem(system, request, call);
  step('stage.mounted');
  if (fresh || opts.readOnly) return;
  try {
    await growOnce(system, device, opts.mountPoint, fsType, async () => mountFileSystem(system, request, call), call);
  } catch (error) {
    // A final error from staging leaves nothing mounted (the kubelet may not call unstage).
    await system.mounts.unmount(opts.mountPoint).catch(() => {});
    throw error;
  }
}

/**
 * Mounted, because the kernel journals that; a kill in the middle of growing an unmounted ext4 may need a repair. Only
 * where we lack CAP_SYS_RESOURCE, which growing a mounted ext4 takes, is it unmounted for it.
 */
async function growOnce(
  system: System,
  device: Device,
  target: string,
  fsType: FsType,
  mountAnew: () => Promise<void>,
  call: CallContext,
): Promise<void> {
  try {
    await grow(system, device.path, target, fsType, call);
  } catch (error) {
    if (!(error instanceof ConvoyError && isErrno(error.cause, 'EPERM')) || fsType !== 'ext4') throw error;
    await system.mounts.unmount(target, call);
    await system.blocks.growUnmounted(device.path, fsType, PATIENT).catch((again: unknown) => {
      throw fromCommand(again, `growing the ext4 file system of ${device.path}`);
    });
    await mountAnew();
  }
}

interface MountRequest {
  readonly source: string;
  readonly target: string;
  readonly fsType: FsType;
  readonly readOnly: boolean;
  readonly flags: MountFlags;
}

/**
 * `ro` on a writable device lets the kernel replay a dirty journal, as it should. On a read-only device that cannot be,
 * and the mount fails: `noload` or `norecovery` would show a torn file system instead. xfs always gets `nouuid`: a clone or
 * restored snapshot is mounted beside its source with the same uuid (xfs(5)).
 */
async function mountFileSystem(system: System, request: MountRequest, call: CallContext): Promise<void> {
  const { source, target, fsType, readOnly, flags } = request;
  const options = [...(readOnly ? ['ro'] : []), ...flags.perMount, ...flags.fileSystem, ...(fsType === 'xfs' ? ['nouuid'] : [])];
  await system.mounts.mount({ source, target, fsType, options }, call).catch((error: unknown) => {
    const doing = `mounting the ${fsType} file system of ${source} at ${target}`;
    if (flags.fileSystem.length > 0 && isMountFailure(error)) throw badFlags(error, doing, flags.fileSystem);
    throw fromCommand(error, doing, flags.fileSystem);
  });
}

/** mount(8): 32 = mount failure. Its text does not tell a wrong option from a bad superblock. */
const isMountFailure = (error: unknown): error is CommandError => error instanceof CommandError && error.exitCode === 32;

/** The file system was probed and checked before: with flags of the user's, it is they that the kernel refuses. They may be secret. */
function badFlags(error: CommandError, doing: string, flags: readonly string[]): ConvoyError {
  return new ConvoyError(
    'InvalidArgument',
    `${doing} failed with the mount_flags that are asked for (mountOptions of the StorageClass), ${flags.length} of which the file system itself must know: correct them (the kernel's log on the node says which it refused)`,
    { cause: error },
  );
}

/** The kernel keeps one superblock a device: read-only beside read-write is a read-only bind, the opposite cannot be had. */
async function mountAgain(
  system: System,
  device: Device,
  elsewhere: MountEntry,
  live: MountTable,
  request: { readonly target: string; readonly readOnly: boolean; readonly flags: MountFlags },
  call: CallContext,
): Promise<void> {
  const superReadOnly = elsewhere.superOptions.includes('ro');
  if (superReadOnly && !request.readOnly)
    throw new ConvoyError(
      'InUse',
      `${device.path} is mounted read-only at ${elsewhere.target}, which rules out a read-write mount beside it: unmount that first`,
    );
  const { target, readOnly, flags } = request;
  if (readOnly && !superReadOnly) {
    const source = live.find((entry) => entry.root === '/' && topmostAt(live, entry.target) === entry) ?? elsewhere;
    await system.mounts.bind(source.target, target, { readOnly: true, flags: flags.perMount }).catch((error: unknown) => {
      throw fromErrno(error, `binding ${source.target} to ${target}`);
    });
  } else {
    await mountFileSystem(system, { source: device.path, target, fsType: elsewhere.fsType as FsType, readOnly, flags }, call);
  }
  step('stage.mounted');
}

/** A restored, cloned or offline expanded volume has a file system smaller than its device. */
async function grow(system: System, device: string, target: string, fsType: string, call: CallContext): Promise<void> {
  try {
    const [deviceBytes, fsBytes] = await Promise.all([system.blocks.sizeBytes(device), system.blocks.fsSizeBytes(device, fsType, call)]);
    if (fsBytes === undefined || deviceBytes - fsBytes < GROW_FROM_BYTES) return;
    await system.blocks.growMounted({ device, target, fsType }, PATIENT);
  } catch (error) {
    throw fromCommand(error, `growing the ${fsType} file system at ${target} to its device`);
  }
}

/** Less is what rounding to blocks leaves over. */
const GROW_FROM_BYTES = 1n << 20n;

async function unmountAll(system: System, target: string, call: CallContext): Promise<void> {
  for (let before = Number.POSITIVE_INFINITY; ; ) {
    const left = mountsAt(await system.mounts.list(), target).length;
    if (left === 0) return;
    if (left >= before) throw new ConvoyError('InUse', `${target} is mounted anew as fast as it is unmounted: end what mounts it`);
    before = left;
    await system.mounts.unmount(target, call).catch(async (error: unknown) => {
      if (mountsAt(await system.mounts.list(), target).length >= left) throw stillMounted(error, target);
    });
  }
}

function requireSame(top: MountEntry, same: boolean, readOnly: boolean): void {
  if (!same)
    throw new ConvoyError(
      'InUse',
      `${top.target} is a mount of something else (${top.fsType} on ${top.device}): unmount that, or give another path`,
    );
  if (top.options.includes('ro') !== readOnly)
    throw new ConvoyError(
      'AlreadyExists',
      `${top.target} is mounted ${readOnly ? 'read-write' : 'read-only'} already: unmount it before mounting it ${readOnly ? 'read-only' : 'read-write'}`,
    );
}

function requireType(entry: MountEntry, asked: FsType | undefined): void {
  if (asked !== undefined && entry.fsType !== asked)
    throw new ConvoyError(
      'Precondition',
      `the volume was to be mounted as ${asked}, but is mounted as ${entry.fsType} at ${entry.target}: ask for ${entry.fsType}`,
    );
}

async function resolve(path: string): Promise<string> {
  return realpath(path).catch((error: unknown) => {
    throw fromErrno(error, `resolving the volume's directory`);
  });
}
