/**
 * Docker's `volume` package (github.com/docker/docker/volume) in TypeScript: the contract of Docker volume drivers.
 * Names follow the original; results are promises; "error" is a thrown ConvoyError.
 */

/** Scopes define if a volume is cluster-wide (global) or local only. Exposed as CSI topology. */
export const LocalScope = 'local';
export const GlobalScope = 'global';
export type Scope = typeof LocalScope | typeof GlobalScope;

/** The driver name used for the driver implemented in drivers/local. */
export const DefaultDriverName = 'local';

/** What a driver declares about itself. */
export interface Capability {
  /** `global`: manages volumes across the cluster. `local`: only volume resources of its own host. Declared by the driver. */
  readonly scope: Scope;
}

/** Creates and removes volumes. */
export interface Driver {
  /** The name of the volume driver. */
  name(): string;
  /**
   * Makes a new volume with the given name, or returns the one that already has it with these options (Docker calls
   * create again at will). AlreadyExists when its options differ; InvalidArgument names an option that is not known.
   */
  create(name: string, opts: Readonly<Record<string, string>>): Promise<Volume>;
  /** Deletes the volume. InUse while it is mounted. Absent is fine. */
  remove(volume: Volume): Promise<void>;
  /** All the volumes the driver has. */
  list(): Promise<readonly Volume[]>;
  /** The volume with the requested name; NotFound when there is none. */
  get(name: string): Promise<Volume>;
  /** How the driver is handled at a cluster level. */
  scope(): Scope;
}

/** A place to store data, backed by a specific driver; can be mounted. */
export interface Volume {
  name(): string;
  /** The driver that owns this volume. */
  driverName(): string;
  /** Absolute path to the volume. */
  path(): string;
  /** Mounts the volume and returns the absolute path to where it can be consumed. Counted per caller id: the same id twice is one use. */
  mount(id: string): Promise<string>;
  /** Gives up the use of `id`; the last one releases the volume. An id that does not use it is fine. */
  unmount(id: string): Promise<void>;
  createdAt(): Promise<Date>;
  /** Low-level status information about a volume. */
  status(): Readonly<Record<string, unknown>>;
}

/** A volume with user-defined labels, options and cluster scope. */
export interface DetailedVolume extends Volume {
  labels(): Readonly<Record<string, string>>;
  options(): Readonly<Record<string, string>>;
  scope(): Scope;
}
