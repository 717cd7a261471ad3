import type { FsType, System } from '../system/api.ts';
import type { Scope } from '../volume/contract.ts';
import type { ConvoyError } from './errors.ts';
import type { LocalSnapshotId, LocalVolumeId, ObjectKind } from './ids.ts';
import type { CreateVolumeOptions } from './options.ts';

/**
 * Convoy's driver package (github.com/rancher/convoy/convoydriver) in TypeScript, and the groups that CSI needs beside
 * it. Version 0: frozen as 1 once LVM thin pools and EBS pass its suite (docs/contract-on-paper.md).
 *
 * The law, for every call of every group:
 * - **Ids** are local ids (ids.ts); a driver may use them as file, device or tag names.
 * - **Idempotent**: the same call again, after success or after a kill at any instant, converges on the same state.
 *   Creating what exists whole is success; deleting what is absent is success.
 * - **Errors** are ConvoyErrors. NotFound only when the storage was reached and says so. A driver never answers "absent"
 *   for "cannot tell" (Unavailable).
 * - **Hidden until whole**: data is filled under a name that nothing reads, made durable, then renamed into place.
 * - **Cancellation** (`call.signal`): the driver stops soon and throws Cancelled; what it leaves is hidden and is made
 *   good or cleared by the same call or a delete.
 * - **Concurrency**: the pool layer never runs two changing calls on one object at a time; different objects run together.
 * - Deadlines, metrics and logs are decorators (decorate.ts). Names, locks, records, jobs, trash and promised sizes are
 *   the pool layer's. Formatting and mounting are `Mounter`'s. A driver does none of these.
 */
export interface ConvoyDriver {
  name(): string;
  /** Facts about this instance for people: paths, scope, what it enforces. No secrets. */
  info(): Promise<Readonly<Record<string, string>>>;
  volumeOps(): VolumeOperations;
  /** Throws NotSupported when the driver has no snapshots; the CSI capability disappears with it. So for backupOps. */
  snapshotOps(): SnapshotOperations;
  backupOps(): BackupOperations;
  /** What this driver can do, as data: presence of a group is the capability. */
  readonly operations: Operations;
  readonly properties: DriverProperties;
  /** Gives up what the process holds (locks, handles). Unmounts and detaches nothing. */
  close(): Promise<void>;
}

/** Makes an instance. `root` is where the driver may keep node-local configuration; `config` is its options, wire names. */
export type InitFunc = (root: string, config: Readonly<Record<string, string>>, deps: DriverDeps) => Promise<ConvoyDriver>;

/** What a driver is handed instead of importing it. */
export interface DriverDeps {
  readonly system: System;
  readonly mounter: Mounter;
  readonly log: DriverLog;
}
export interface DriverLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Handed to every call that may take time. */
export interface CallContext {
  readonly signal: AbortSignal;
  /** CSI secrets of this call; never logged, never stored. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Reports work done so far; cheap, may be called often. */
  readonly progress: (done: Progress) => void;
  /** Bytes a second that a copy may use; undefined = as fast as it goes. */
  readonly bandwidth?: number;
}
export interface Progress {
  readonly doneBytes?: bigint;
  readonly totalBytes?: bigint;
  readonly doneEntries?: number;
}

/** Degrees are data, not methods. */
export interface DriverProperties {
  readonly scope: Scope;
  /** What `openAccess` gives: decides which volume capabilities (mount, block) a pool serves. */
  readonly access: 'directory' | 'device';
  /** False: sizes are promises only and stats are the file system's. Said in info, volume context and docs. */
  readonly sizeEnforced: boolean;
  /** Sizes are rounded up to a multiple of this. */
  readonly sizeUnitBytes: bigint;
  readonly minSizeBytes: bigint;
  readonly defaultSizeBytes: bigint;
  /** File systems that may be asked for; empty for directories. The first is the default. */
  readonly fileSystems: readonly FsType[];
  /** True: snapshots and clones share blocks with their source, so that they are instant. Found out when the driver opens. */
  readonly sharesBlocks: boolean;
  /** True: a copy is one instant by itself (block level); false: copies are verified walks, to which `consistency` applies. */
  readonly instantCut: boolean;
  /** Names of driver-specific StorageClass parameters that may be set, each described for the docs. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * The groups. Volume, access, storage and records are what every driver has; the others are optional, and their
 * presence is the capability (csi/capabilities.ts maps each; a new group without a mapping does not compile).
 */
export interface Operations {
  readonly volume: VolumeDataOperations;
  readonly access: AccessOperations;
  readonly storage: StorageOperations;
  readonly records: RecordOperations;
  readonly trash?: TrashOperations;
  readonly snapshot?: SnapshotOperations;
  readonly clone?: CloneOperations;
  readonly expand?: ExpandOperations;
  readonly backup?: BackupOperations;
  readonly stats?: StatsOperations;
  readonly capacity?: CapacityOperations;
  readonly health?: HealthOperations;
  readonly holders?: HolderOperations;
}

// ---- Convoy's three ----------------------------------------------------------------------------------------------

/** The part of VolumeOperations that a driver writes itself; `defineDriver` adds mounting (driver.ts). */
export interface VolumeDataOperations {
  /**
   * Makes an empty volume of `opts.sizeBytes`, or adopts `opts.volumeDriverId`. NoSpace, OutOfRange, NotSupported (an
   * option that makes no sense here, by name). The data appears under its own name as the last step.
   */
  createVolume(id: LocalVolumeId, opts: CreateVolumeOptions, call: CallContext): Promise<void>;
  /**
   * Destroys the volume's data and what an unfinished create left. With trash, the pool discards instead and this is
   * only used for what never became ready. `referenceOnly`: keeps the data where VolumeDriverID adopts it; resolves to that name.
   */
  deleteVolume(id: LocalVolumeId, opts: DeleteVolumeOptions, call: CallContext): Promise<{ readonly keptAs?: string }>;
  /** Facts from the storage itself (not the record). NotFound, DataLoss when the record's data is missing or damaged. */
  getVolumeInfo(id: LocalVolumeId): Promise<VolumeInfo>;
  /** Ids of volumes whose data is whole, in no order. */
  listVolume(): Promise<readonly LocalVolumeId[]>;
}

/** Convoy's VolumeOperations. */
export interface VolumeOperations extends VolumeDataOperations {
  name(): string;
  /** Mounts at `opts.mountPoint`; again at the same place is success; InUse when mounted elsewhere by this call. Returns the path. */
  mountVolume(id: LocalVolumeId, opts: MountVolumeOptions, call: CallContext): Promise<string>;
  /** Unmounts what mountVolume mounted at `mountPoint`; not mounted is fine. */
  umountVolume(id: LocalVolumeId, mountPoint: string, call: CallContext): Promise<void>;
  /** Where mountVolume has it mounted, by the kernel's table; empty when nowhere. */
  mountPoint(id: LocalVolumeId): Promise<readonly string[]>;
}

export interface DeleteVolumeOptions {
  readonly referenceOnly: boolean;
}

export interface VolumeInfo {
  /** Bytes of the volume as the storage has it; undefined when the driver does not enforce sizes. */
  readonly sizeBytes?: bigint;
  /** Bytes of storage that it takes now, where that is cheap to know. */
  readonly allocatedBytes?: bigint;
  /** For people: path, device, … by Convoy's names where it had one. */
  readonly details: Readonly<Record<string, string>>;
}

export interface MountVolumeOptions {
  readonly mountPoint: string;
  readonly readOnly: boolean;
  /** File system to expect, and to make if the device is proven blank and `format` allows. */
  readonly fsType?: FsType;
  readonly flags: readonly string[];
  /** The record's say on formatting; absent: a device is formatted only if proven blank, and the step is not resumable. */
  readonly format?: FormatGate;
}

/** How mounting asks the volume's record about formatting (docs/architecture.md, "Formatting"). */
export interface FormatGate {
  readonly state: 'blank' | 'formatting' | 'formatted' | 'never';
  /** Durable before mkfs starts. */
  begin(fsType: FsType): Promise<void>;
  /** Durable after mkfs is done. */
  done(fsType: FsType): Promise<void>;
}

export interface SnapshotOperations {
  name(): string;
  /**
   * Captures one instant of the volume (with `files`, for a driver without instantCut, one pass over it). May run long
   * where blocks cannot be shared; returns once whole and durable. Precondition names a path that kept changing.
   */
  createSnapshot(id: LocalSnapshotId, volumeID: LocalVolumeId, opts: CreateSnapshotOptions, call: CallContext): Promise<void>;
  /** Destroys a snapshot's data and what an unfinished create left. Absent is fine. The volume need not exist any more. */
  deleteSnapshot(id: LocalSnapshotId, volumeID: LocalVolumeId, call: CallContext): Promise<void>;
  getSnapshotInfo(id: LocalSnapshotId, volumeID: LocalVolumeId): Promise<VolumeInfo>;
  listSnapshot(): Promise<readonly LocalSnapshotId[]>;
}
export type Consistency = 'point-in-time' | 'files';
export interface CreateSnapshotOptions {
  readonly snapshotName?: string;
  readonly consistency: Consistency;
}

/** Off-site copies. No driver implements it yet; restore is createVolume with BackupURL (contract-on-paper.md). */
export interface BackupOperations {
  name(): string;
  createBackup(
    snapshotID: LocalSnapshotId,
    volumeID: LocalVolumeId,
    destURL: string,
    opts: Readonly<Record<string, string>>,
    call: CallContext,
  ): Promise<string>;
  deleteBackup(backupURL: string, call: CallContext): Promise<void>;
  getBackupInfo(backupURL: string, call: CallContext): Promise<Readonly<Record<string, string>>>;
  listBackup(
    destURL: string,
    opts: Readonly<Record<string, string>>,
    call: CallContext,
  ): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>>;
}

// ---- what CSI needs beside them ----------------------------------------------------------------------------------

/** A way to a volume's bytes. The opener's hold ends with `close`; what has been mounted or bound meanwhile stays. */
export type Access =
  | { readonly kind: 'directory'; readonly path: string; close(): Promise<void> }
  | {
      readonly kind: 'device';
      readonly path: string /** major:minor */;
      readonly device: string;
      readonly readOnly: boolean;
      close(): Promise<void>;
    };

export interface OpenAccessOptions {
  /** A read-only raw consumer gets a device that the kernel keeps read-only. */
  readonly readOnly: boolean;
  /** True: the device itself is bound into a consumer and must outlive our hold. False: a file system is mounted from it. */
  readonly raw: boolean;
}

export interface AccessOperations {
  /** Offers the volume as a directory or block device on this host; the same volume may be open many times. */
  openAccess(id: LocalVolumeId, opts: OpenAccessOptions): Promise<Access>;
  /** Devices (major:minor) that offer this volume here now. Empty for directories. */
  devices(id: LocalVolumeId): Promise<readonly string[]>;
  /** Detaches the volume's devices that are not in `used`. Called after unpublish, unstage and by the start-up sweep. */
  releaseUnused(id: LocalVolumeId, used: ReadonlySet<string>): Promise<void>;
}

/** Copying one object into a new volume. `source.sizeBytes` ≤ `opts.sizeBytes`; a device is grown to it, its file system by the mounter later. */
export interface CloneOperations {
  /** A new volume from a snapshot; writes to either never show in the other. */
  restoreSnapshot(
    id: LocalVolumeId,
    snapshotID: LocalSnapshotId,
    volumeID: LocalVolumeId,
    opts: CreateVolumeOptions,
    call: CallContext,
  ): Promise<void>;
  /** A new volume from one instant of another volume. */
  cloneVolume(
    id: LocalVolumeId,
    sourceID: LocalVolumeId,
    opts: CreateVolumeOptions & { readonly consistency: Consistency },
    call: CallContext,
  ): Promise<void>;
}

export interface ExpandOperations {
  /** Grows to at least `sizeBytes`, published or not; already as large is success. The file system inside is the mounter's. NoSpace. */
  expandVolume(id: LocalVolumeId, sizeBytes: bigint, opts: { readonly thin: boolean }, call: CallContext): Promise<void>;
}

export interface UsageStats {
  readonly bytes: { readonly total: bigint; readonly used: bigint; readonly available: bigint };
  readonly inodes?: { readonly total: bigint; readonly used: bigint; readonly free: bigint };
}
export interface StatsOperations {
  /** Usage of a volume by the storage's own account, for drivers where the mounted file system's statfs is not the volume's. */
  volumeStats(id: LocalVolumeId): Promise<UsageStats>;
}

export interface CapacityOperations {
  /** Size and free room of the storage under the pool. */
  capacity(): Promise<{ readonly totalBytes: bigint; readonly availableBytes: bigint }>;
}

/** CSI 1.13 health: `reason` is CamelCase, (status, reason) unique; an empty list is healthy. */
export interface HealthProblem {
  readonly status: 'Degraded' | 'Inaccessible' | 'DataLoss';
  readonly reason: string;
  readonly message: string;
}
export interface HealthOperations {
  volumeHealth(id: LocalVolumeId): Promise<readonly HealthProblem[]>;
  storageHealth(): Promise<readonly HealthProblem[]>;
}

/**
 * Storage that many hosts reach: who manages it cannot see their mounts, so each host that uses a volume notes so with the
 * storage itself, under the name of its node. What every global driver has whose storage does not know by itself who uses it.
 */
export interface HolderOperations {
  /** Durable when it returns. Again is fine. NotFound when there is no such volume. */
  addHolder(id: LocalVolumeId, holder: string): Promise<void>;
  /** Not held, and no such volume, are fine. */
  removeHolder(id: LocalVolumeId, holder: string): Promise<void>;
  /** Names of the nodes that hold it, in no order. */
  holders(id: LocalVolumeId): Promise<readonly string[]>;
  /** What this node holds: for a host that has lost its own memory of it. */
  heldBy(holder: string): Promise<readonly LocalVolumeId[]>;
}

// ---- what the pool layer needs of storage ------------------------------------------------------------------------

/** Proof that the storage is what the admin configured, and exclusive management of it. */
export interface StorageOperations {
  /**
   * The marker's text; undefined when the place was reached and holds none. Unavailable when the place is not there or not what
   * it was (not mounted, another file system). Re-proven cheaply by `assertSame` before every change.
   */
  readMarker(): Promise<string | undefined>;
  /** True if the place holds nothing but what a new file system has (lost+found). */
  isEmpty(): Promise<boolean>;
  /** Durable. Refuses (AlreadyExists) to replace a marker unless `replace`. Makes the layout. */
  writeMarker(text: string, replace: boolean): Promise<void>;
  /** Takes exclusive management of the storage until close; Busy names what to do when another process has it. */
  lock(): Promise<void>;
  /** Throws Unavailable if the storage is no longer the one that was opened. No I/O beyond a stat. */
  assertSame(): Promise<void>;
  /** What identifies the place, for overlap checks: real path or device. */
  place(): Promise<string>;
}

/** Small texts kept with the object they describe, so that storage and record live and die together. The text is opaque. */
export interface RecordOperations {
  /** undefined = proven absent. */
  readRecord(kind: ObjectKind, id: string): Promise<string | undefined>;
  /**
   * Durable when it returns; makes the object's place if need be. Storage that makes object and record in one atomic call (a cloud,
   * with tags and a client token) may hold back the record of an object that does not exist until that call.
   */
  writeRecord(kind: ObjectKind, id: string, text: string): Promise<void>;
  /** Removes a record and its emptied place. Only for objects whose data is gone. Absent is fine. */
  removeRecord(kind: ObjectKind, id: string): Promise<void>;
  /** Ids that have a place, with or without a readable record, in no order. */
  listRecords(kind: ObjectKind): Promise<readonly string[]>;
}

export interface TrashEntry {
  /** Opaque; sorts by time of discarding. */
  readonly entry: string;
  readonly kind: ObjectKind;
  readonly id: string;
  readonly discardedAt: Date;
}
/** Deleting in two steps: a durable rename, then the long removal. */
export interface TrashOperations {
  /** Moves the object with its record out of sight in one durable step. Absent is fine: undefined. */
  discard(kind: ObjectKind, id: string): Promise<TrashEntry | undefined>;
  listTrash(): Promise<readonly TrashEntry[]>;
  readTrashRecord(entry: TrashEntry): Promise<string | undefined>;
  /** Back in sight; AlreadyExists if the id is taken meanwhile. */
  undiscard(entry: TrashEntry): Promise<void>;
  /** Destroys the bytes. Resumable, cancellable. InUse when a mount was found below it. */
  purge(entry: TrashEntry, call: CallContext): Promise<void>;
}

/** The shared code that formats, mounts, grows and unmounts; made by `publish`, handed to drivers. */
export interface Mounter {
  mount(access: Access, opts: MountVolumeOptions, call: CallContext): Promise<void>;
  unmount(target: string, call: CallContext): Promise<void>;
  /** Targets of whole-volume mounts of this directory or device, by the kernel's table. */
  targets(
    access: { readonly kind: 'directory'; readonly path: string } | { readonly kind: 'device'; readonly device: string },
  ): Promise<readonly string[]>;
}

/** Errors that a driver may throw; anything else is taken for Internal. */
export type DriverError = ConvoyError;
