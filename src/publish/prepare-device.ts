import type { Access, FormatGate } from '../convoy/contract.ts';
import { ConvoyError } from '../convoy/errors.ts';
import { step } from '../observe/steps.ts';
import type { FsType, ProbeResult, System, SystemCall } from '../system/api.ts';
import { CommandError, FS_TYPES } from '../system/api.ts';
import { fromCommand } from './command-errors.ts';

/**
 * Making, checking and growing a large file system can take longer than the kubelet waits. Ended with its call, it would begin
 * anew with each retry and never be done: so it goes on, the volume stays locked, and retries are told that it is busy.
 */
export const PATIENT: SystemCall = { timeoutMs: 6 * 3_600_000 };

type Device = Extract<Access, { kind: 'device' }>;

export interface Prepared {
  readonly fsType: FsType;
  /** Just made: as large as the device, and in no need of a check. */
  readonly fresh: boolean;
}

/**
 * Makes sure that a device, which is mounted nowhere, holds the file system that is asked for. It is formatted only if
 * every byte that was read proves it blank and the record allows it, or if the record says that this very step was begun
 * and not ended (docs/architecture.md, "State and crashes"). Anything else that is found is an error that says what it is.
 */
export async function prepareDevice(
  system: System,
  device: Device,
  asked: FsType | undefined,
  gate: FormatGate | undefined,
  call: SystemCall,
): Promise<Prepared> {
  const found = await system.blocks.probe(device.path, call).catch((error: unknown) => {
    throw fromCommand(error, `looking what is on ${device.path}`);
  });
  if (gate?.state === 'formatting') return formatAgain(system, device, asked, gate, found);
  if (found.kind === 'blank') return formatBlank(system, device, asked, gate);
  const fsType = requireAsked(found, asked, device.path);
  // The record did not know yet: from now on a blank device is a loss, not an invitation.
  if (gate?.state === 'blank') await gate.done(fsType);
  return { fsType, fresh: false };
}

/**
 * Checks an ext4 file system that is about to be mounted for the first time here. e2fsck -p replays the journal and reads
 * only the superblock of a clean file system, so it is cheap; one that it cannot mend by itself must not be written to,
 * since every write makes the loss larger. xfs needs none: its log is replayed, and checked, by the mount.
 */
export async function checkFileSystem(system: System, device: string, fsType: FsType): Promise<void> {
  await system.blocks.check(device, fsType, PATIENT).catch((error: unknown) => {
    // e2fsck(8): 4 = errors left uncorrected.
    if (error instanceof CommandError && error.reason === 'exit' && ((error.exitCode ?? 0) & 4) !== 0)
      throw new ConvoyError(
        'DataLoss',
        `the ${fsType} file system on ${device} is damaged and cannot be mended without a decision: take a copy, then run e2fsck on it by hand`,
        {
          cause: error,
        },
      );
    throw fromCommand(error, `checking the ${fsType} file system on ${device}`);
  });
}

async function formatBlank(system: System, device: Device, asked: FsType | undefined, gate: FormatGate | undefined): Promise<Prepared> {
  if (gate?.state === 'formatted')
    throw new ConvoyError(
      'DataLoss',
      `the record says that ${device.path} was formatted, but it is blank: it is not formatted again. Find out what emptied the storage; restore a snapshot or backup`,
    );
  if (gate?.state === 'never')
    throw new ConvoyError(
      'Precondition',
      `${device.path} is blank, and this volume is never formatted (Format=false, or it was used as a raw block device): make a file system on it by hand`,
    );
  return format(system, device, asked ?? DEFAULT_FS, gate, false);
}

/** The step was begun before. What may be there is nothing, the start of a file system, or the whole of one that was never mounted. */
async function formatAgain(
  system: System,
  device: Device,
  asked: FsType | undefined,
  gate: FormatGate,
  found: ProbeResult,
): Promise<Prepared> {
  const ours = found.kind === 'blank' || (found.kind === 'filesystem' ? isFsType(found.type) : found.what === UNKNOWN_DATA);
  if (!ours)
    throw new ConvoyError(
      'Precondition',
      `formatting of ${device.path} was interrupted, and now it holds ${describe(found)}, which is not ours: it is left alone. Find out who wrote it`,
    );
  return format(system, device, asked ?? DEFAULT_FS, gate, true);
}

async function format(system: System, device: Device, fsType: FsType, gate: FormatGate | undefined, force: boolean): Promise<Prepared> {
  if (device.readOnly)
    throw new ConvoyError('Precondition', `${device.path} has no file system yet, and it is opened read-only: mount it read-write once`);
  await gate?.begin(fsType);
  step('stage.formatting');
  await system.blocks.mkfs(device.path, fsType, { force }, PATIENT).catch((error: unknown) => {
    throw fromCommand(error, `making an ${fsType} file system on ${device.path}`);
  });
  step('stage.made');
  await gate?.done(fsType);
  step('stage.formatted');
  return { fsType, fresh: true };
}

function requireAsked(found: Exclude<ProbeResult, { kind: 'blank' }>, asked: FsType | undefined, path: string): FsType {
  const type = found.kind === 'filesystem' ? found.type : undefined;
  if (type !== undefined && isFsType(type) && (asked === undefined || asked === type)) return type;
  throw new ConvoyError(
    'Precondition',
    `${path} was to be mounted as ${asked ?? FS_TYPES.join(' or ')}, but holds ${describe(found)}: it is left as it is. Ask for what is there, or use another volume`,
  );
}

function describe(found: ProbeResult): string {
  if (found.kind === 'blank') return 'nothing';
  return found.kind === 'filesystem' ? `a file system of type ${found.type}` : found.what;
}

const DEFAULT_FS: FsType = 'ext4';
/** What `probe` calls bytes that nobody knows (system/api.ts): the beginning of an interrupted mkfs looks like that. */
const UNKNOWN_DATA = 'unknown data';
const isFsType = (type: string): type is FsType => (FS_TYPES as readonly string[]).includes(type);
