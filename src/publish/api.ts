import type { HealthProblem, UsageStats } from '../convoy/contract.ts';
import type { Call, SizeRange } from '../pool/api.ts';

/**
 * Volumes on this host: device or directory to file system, staged, bound, grown, measured. Implemented by
 * `NodeVolumes` (publish/node-volumes.ts). What the kernel's mount table says beats what a record says.
 */
export type AccessMode =
  | 'SINGLE_NODE_WRITER'
  | 'SINGLE_NODE_READER_ONLY'
  | 'MULTI_NODE_READER_ONLY'
  | 'MULTI_NODE_SINGLE_WRITER'
  | 'MULTI_NODE_MULTI_WRITER'
  | 'SINGLE_NODE_SINGLE_WRITER'
  | 'SINGLE_NODE_MULTI_WRITER';

/** One CSI VolumeCapability, parsed. */
export interface VolumeCapability {
  readonly mode: AccessMode;
  readonly access:
    | { readonly kind: 'block' }
    | { readonly kind: 'mount'; readonly fsType: string; readonly mountFlags: readonly string[]; readonly volumeMountGroup: string };
}

export interface StageInput {
  readonly volumeId: string;
  readonly stagingPath: string;
  readonly capability: VolumeCapability;
}
export interface PublishInput {
  readonly volumeId: string;
  readonly stagingPath: string;
  readonly targetPath: string;
  readonly capability: VolumeCapability;
  readonly readOnly: boolean;
}

export interface Published {
  readonly volumeId: string;
  readonly targetPath: string;
  readonly kind: 'staged' | 'published' | 'mounted';
  readonly readOnly: boolean;
}

export interface NodeService {
  /** AlreadyExists when staged there otherwise; Precondition when the device holds something else than what is asked. */
  stage(input: StageInput, call: Call): Promise<void>;
  /** Not staged is fine. */
  unstage(volumeId: string, stagingPath: string, call: Call): Promise<void>;
  /** AlreadyExists for the same target with other terms; Precondition for a further target that the access mode forbids, or a path that is not staged. */
  publish(input: PublishInput, call: Call): Promise<void>;
  /** Removes mount and target. Not published is fine. Never needs the pool to be open. */
  unpublish(volumeId: string, targetPath: string, call: Call): Promise<void>;
  /** NotFound when the volume is not at that path. */
  stats(volumeId: string, path: string): Promise<UsageStats & { readonly block: boolean }>;
  /** Grows the file system at `path` to the volume's size; returns that size. NotFound when the volume is not there. */
  expand(volumeId: string, path: string, range: SizeRange, call: Call): Promise<bigint>;
  health(volumeId: string, path: string | undefined): Promise<readonly HealthProblem[]>;
  /** The CLI's mount: the whole volume at `mountPoint` (an existing empty directory), or under the root. Returns the path. */
  mount(volumeId: string, mountPoint: string | undefined, options: { readonly readOnly: boolean }, call: Call): Promise<string>;
  umount(volumeId: string, mountPoint: string | undefined, call: Call): Promise<void>;
  /** Everything of this volume on this host. */
  published(volumeId: string): Promise<readonly Published[]>;
  /** At start: forgets records of mounts that are gone, detaches devices that nobody uses. Unmounts nothing. */
  sweep(): Promise<void>;
}
