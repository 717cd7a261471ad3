import type {
  Access,
  CallContext,
  Consistency,
  ConvoyDriver,
  DriverProperties,
  FormatGate,
  HealthProblem,
  OpenAccessOptions,
  Operations,
} from '../convoy/contract.ts';
import type { ParsedCreateOptions } from '../convoy/options.ts';
import type { FsType } from '../system/api.ts';

/**
 * The use cases on named objects: what the protocol edges (csi, admin) and `publish` call. Everything that a driver does
 * not do is here: names to ids, records, locks, jobs, trash, promised sizes, idempotency.
 * All methods throw ConvoyErrors. Ids are CSI ids (`<pool>.<node>.<local>`).
 */

/** How a pool is configured (config file, or --drivers/--driver-opts). */
export interface PoolConfig {
  readonly name: string;
  readonly driver: string;
  /** The driver's own options by wire name (`vfs.path`). */
  readonly options: Readonly<Record<string, string>>;
  /** `auto`: an empty place that this node never opened becomes a pool by itself; `manual`: only by `convoy pools init`. */
  readonly init: 'auto' | 'manual';
  /** Promised sizes stay within (size − 10 %) × this. */
  readonly overcommit: number;
  /** Reserve no space ahead. */
  readonly thin: boolean;
  /** `retain`: a deleted volume's data stays (moved aside) until an admin removes it. */
  readonly onDelete: 'delete' | 'retain';
  /** Milliseconds that a deleted object can be undeleted. */
  readonly trashRetentionMs: number;
  /** Size of a volume for which none is asked; undefined = the driver's own. */
  readonly defaultSizeBytes?: bigint;
  /** Copy jobs that run at once. */
  readonly maxJobs: number;
  /** Bytes a second for copy jobs together; undefined = unlimited. */
  readonly bandwidth?: number;
  /** Driver parameters that a StorageClass may set in this pool (Docker's type, o, device). */
  readonly allowParameters: readonly string[];
  /** Where a global pool can be reached from; undefined = from everywhere. Nodes are there whose topology has all of it. */
  readonly segments?: Segments;
}

/** Topology: keys (labels of nodes) with their values. */
export type Segments = Readonly<Record<string, string>>;

/** What a topology requirement allows. Absent: anywhere. */
export interface Where {
  /** Of our own key: names of nodes that will do, or what stands for them (csi/topology.ts). For local pools. */
  readonly nodes?: readonly string[];
  /** Each whole term that will do, of whatever keys. For global pools that state segments. */
  readonly terms?: readonly Segments[];
}

/** What a caller gives with every call. */
export interface Call {
  /** Aborts when the caller is gone or its deadline passed. */
  readonly signal: AbortSignal;
  /** Epoch milliseconds; long work answers Busy with its progress 2 s before. Undefined: wait to the end. */
  readonly deadline?: number;
  readonly secrets: Readonly<Record<string, string>>;
  readonly requestId: string;
}

/** What a volume may be used as: what CSI's volume_capabilities come to. */
export interface VolumeUse {
  readonly mount: boolean;
  readonly block: boolean;
  /** As asked; undefined = the pool's default. */
  readonly fsType?: string;
}

export interface DeleteVolumeRequest {
  /** Forget the volume, keep its data where it can be adopted again. */
  readonly referenceOnly?: boolean;
  /** Past the trash: nothing to undelete, whatever the pool's retention. For objects of the program's own. */
  readonly purge?: boolean;
}

export interface SizeRange {
  /** Bytes; undefined = not asked. */
  readonly requiredBytes?: bigint;
  readonly limitBytes?: bigint;
}

export type VolumeSource =
  | { readonly kind: 'snapshot'; readonly snapshotId: string }
  | { readonly kind: 'volume'; readonly volumeId: string };

export interface CreateVolumeInput extends Where {
  readonly name: string;
  /** Pool by name; undefined = the default one. */
  readonly pool?: string;
  readonly range: SizeRange;
  readonly use: VolumeUse;
  readonly source?: VolumeSource;
  readonly options: ParsedCreateOptions;
  /** Driver parameters (already without sidecar keys and pool keys). */
  readonly driverParameters: Readonly<Record<string, string>>;
  readonly consistency?: Consistency;
}

export type ObjectState = 'pending' | 'ready' | 'deleting';

export interface Volume {
  readonly id: string;
  readonly name: string;
  readonly pool: string;
  readonly driver: string;
  readonly state: ObjectState;
  readonly sizeBytes: bigint;
  readonly createdAt: Date;
  readonly use: VolumeUse;
  readonly source?: VolumeSource;
  readonly fileSystem?: FsType;
  readonly sizeEnforced: boolean;
  /** Node name for a local pool; undefined = not bound to a node. */
  readonly node?: string;
  /** Of a global pool that states some. */
  readonly segments?: Segments;
  /** Its record cannot be read: name and size are unknown, its data is untouched. */
  readonly damaged?: boolean;
}

export interface Snapshot {
  readonly id: string;
  readonly name: string;
  readonly pool: string;
  readonly driver: string;
  readonly sourceVolumeId: string;
  /** Smallest size of a volume restored from it. */
  readonly sizeBytes: bigint;
  /** The instant of the cut; the same on every answer. */
  readonly createdAt: Date;
  readonly readyToUse: boolean;
  readonly node?: string;
  readonly segments?: Segments;
}

/** Its `Where` is CSI 1.13's accessibility_requirements. */
export interface CreateSnapshotInput extends Where {
  readonly name: string;
  readonly sourceVolumeId: string;
  readonly consistency?: Consistency;
}

export interface PageRequest {
  /** 0 = no limit. */
  readonly maxEntries: number;
  /** '' = from the start. StaleToken when it is none of ours. */
  readonly startingToken: string;
}
export interface Page<T> {
  readonly entries: readonly T[];
  /** '' = last page. A cursor (the last id), so that deletes between pages neither fail nor skip. */
  readonly nextToken: string;
}

export interface PoolCapacity {
  readonly totalBytes: bigint;
  readonly availableBytes: bigint;
  readonly maximumVolumeBytes: bigint;
  readonly minimumVolumeBytes: bigint;
}

/** What is known of a pool from its configuration alone, before it is opened or where it never is. */
export interface PoolOutline {
  readonly config: PoolConfig;
  readonly isDefault: boolean;
  readonly scope: DriverProperties['scope'];
  readonly access: DriverProperties['access'];
  readonly operations: readonly (keyof Operations)[];
}

export type PoolState =
  | { readonly kind: 'open' }
  /** Configured, but not proven: every call on it is Unavailable with this reason, which says the ways out. */
  | { readonly kind: 'unavailable'; readonly reason: string };

export interface PoolStatus {
  readonly config: PoolConfig;
  readonly state: PoolState;
  readonly isDefault: boolean;
  readonly scope: 'local' | 'global';
  /** Managed by another process: here its volumes are published, and nothing else. No counts, no capacity. */
  readonly isGuest: boolean;
  readonly properties?: DriverProperties;
  readonly operations?: readonly (keyof Operations)[];
  readonly info?: Readonly<Record<string, string>>;
  readonly volumes?: number;
  readonly snapshots?: number;
  readonly trashed?: number;
  readonly promisedBytes?: bigint;
  readonly capacity?: PoolCapacity;
}

export interface Job {
  readonly id: string;
  readonly kind: 'create' | 'restore' | 'clone' | 'snapshot' | 'purge';
  readonly objectId: string;
  readonly pool: string;
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  readonly doneBytes: bigint;
  readonly totalBytes?: bigint;
  readonly doneEntries: number;
  readonly startedAt: Date;
  readonly error?: string;
}

export interface TrashItem {
  readonly pool: string;
  readonly entry: string;
  readonly kind: 'volume' | 'snapshot';
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: bigint;
  readonly discardedAt: Date;
  /** When it is removed for good; undefined = kept (`onDelete: retain`). */
  readonly expiresAt?: Date;
}

/** Opens and knows the pools of this process, and runs the use cases on them. Implemented by `openPools` (pool/open-pools.ts). */
export interface Pools {
  readonly nodeName: string;
  /** Opens what could not be opened so far (a disk mounted late); called by readiness and on use. */
  status(): Promise<readonly PoolStatus[]>;
  /** The states as last found, from memory: for who must not wait for a disk. */
  states(): readonly { readonly config: PoolConfig; readonly state: PoolState }[];
  /** Groups that at least one configured driver implements, open or not: decides the advertised capabilities. */
  readonly implemented: ReadonlySet<keyof Operations>;
  /** True if some volumes are not reachable from everywhere: of a local pool, or of a global one that states segments. */
  readonly hasTopology: boolean;
  /** True if some pool serves raw block. */
  readonly servesBlock: boolean;

  createVolume(input: CreateVolumeInput, call: Call): Promise<Volume>;
  /** Unknown ids are fine. `referenceOnly` keeps the data and says where. */
  deleteVolume(id: string, options: DeleteVolumeRequest, call: Call): Promise<{ readonly keptAs?: string }>;
  getVolume(id: string): Promise<Volume>;
  /** By CSI name, for people; searches the given pool or all. */
  findVolume(name: string, pool?: string): Promise<Volume | undefined>;
  /** Never a shorter list that looks whole: a pool that is not open makes it Unavailable. */
  listVolumes(page: PageRequest): Promise<Page<Volume>>;
  /** Returns the volume with its new size. Already as large is fine. OutOfRange when there is no room or the limit is below. */
  expandVolume(id: string, range: SizeRange, call: Call): Promise<Volume>;
  volumeHealth(id: string): Promise<readonly HealthProblem[]>;
  /** Only volumes with problems. */
  listVolumeHealth(page: PageRequest): Promise<Page<{ readonly volumeId: string; readonly problems: readonly HealthProblem[] }>>;
  storageHealth(): Promise<readonly (HealthProblem & { readonly pool: string })[]>;

  createSnapshot(input: CreateSnapshotInput, call: Call): Promise<Snapshot>;
  deleteSnapshot(id: string, call: Call, options?: { readonly purge?: boolean }): Promise<void>;
  getSnapshot(id: string): Promise<Snapshot>;
  listSnapshots(filter: { readonly snapshotId?: string; readonly sourceVolumeId?: string }, page: PageRequest): Promise<Page<Snapshot>>;

  /** Of one pool, or all open ones together. A pool that cannot know answers the largest number. */
  capacity(request: Where & { readonly pool?: string }): Promise<PoolCapacity>;

  jobs(): readonly Job[];
  /** Calls back on every change until `signal` aborts. */
  watchJobs(signal: AbortSignal, changed: (job: Job) => void): void;
  listTrash(pool?: string): Promise<readonly TrashItem[]>;
  undelete(pool: string, entry: string, call: Call): Promise<Volume | Snapshot>;
  /** `init`: an empty place becomes a pool. `replace`: the old data is gone. `adopt`: a local pool of another node becomes this one's. */
  initPool(name: string, how: 'init' | 'replace' | 'adopt'): Promise<PoolStatus>;
  /** `holdsDeletes` is over: what it held is taken up, in the trash and of what a stopped process left. */
  takeUpHeld(): Promise<void>;

  /** Runs `work` with the volume's publish lock, on a volume proven ready. Busy when another call holds it. For `publish`. */
  withVolume<T>(id: string, work: (volume: OpenVolume) => Promise<T>): Promise<T>;
  /** The publish lock alone, for calls that must work although the pool does not (unpublish). Busy when held. */
  lockPublish(id: string): Disposable;
  /** Ends this host's hold on a volume that may be gone. Unavailable where its pool cannot be asked. */
  letGo(id: string): Promise<void>;
  /** Ends all holds of a node that is declared gone. Unavailable where a pool cannot be asked: some may stand then. */
  releaseHolder(node: string): Promise<void>;
  /** Global volumes that are noted as held by a node (default: this host). Pools that are not open are left out. */
  held(node?: string): Promise<readonly string[]>;
  /** The driver behind a volume, unlocked, for the calls that kubelet polls. NotFound, Unavailable. */
  peekVolume(id: string): Promise<OpenVolume>;
  close(): Promise<void>;
}

/** `alone`: for a consumer that must be on a single node. Nothing attaches, so nobody else sees to it. */
export interface HoldOptions {
  readonly alone: boolean;
}

/** A ready volume in the hands of `publish`. */
export interface OpenVolume {
  readonly volume: Volume;
  readonly driver: ConvoyDriver;
  readonly properties: DriverProperties;
  openAccess(options: OpenAccessOptions): Promise<Access>;
  devices(): Promise<readonly string[]>;
  releaseUnused(used: ReadonlySet<string>): Promise<void>;
  /** Whether and how the record lets this volume be formatted. Reading it again after a step shows the new state. */
  readonly format: FormatGate;
  /** The file system that the record says is on it, once formatted. */
  readonly formattedAs?: FsType;
  /** Must be called, durably, before the device is first handed out raw: from then on it is never formatted. */
  markRaw(): Promise<void>;
  context(call: Call): CallContext;
  /**
   * Before it is first handed out on this host: notes it where who manages the pool sees it. Throws NotFound when the volume is
   * gone or going, and holds nothing then; `Pools.letGo` ends it. InUse where it is to be held
   * alone and is not; the note stays then, for the caller to end. Nothing to do for local pools.
   */
  hold(options: HoldOptions): Promise<void>;
  /** Names of the nodes that hold it; none for a local pool. */
  holders(): Promise<readonly string[]>;
}

/** Asked before a volume is deleted: what on this host uses it. Provided by `publish`, as `openPools` option. */
export type UsesOf = (open: OpenVolume) => Promise<readonly string[]>;
