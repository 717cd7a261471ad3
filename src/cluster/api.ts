import type { AgentAddress } from '../channel/api.ts';
import type { CsiMethods } from '../csi/definitions.ts';
import type { Call } from '../pool/api.ts';

export type { PoolOutline } from '../pool/api.ts';

/** The controller's use cases over many nodes: where a call goes, and what many answers come to. It keeps nothing that it cannot ask for again. */

/** Which agents there are. From EndpointSlices, or a static list. */
export interface Discovery {
  /** Everything known now, ready or not; another array after each change. Throws Unavailable while nothing was read yet. */
  agents(): readonly AgentAddress[];
  /** Calls back after every change until `signal` aborts. */
  watch(signal: AbortSignal, changed: () => void): void;
}

/** A node that an admin declared gone (`convoy node forget`). */
export interface GoneNode {
  readonly nodeName: string;
  /** Uid of the Node object that was declared gone; undefined when there was none any more. */
  readonly nodeUid?: string;
  /** Epoch milliseconds. */
  readonly since: number;
}

/** The one thing that is kept: the admin's word. In Kubernetes a ConfigMap. Outside, a file below the root. */
export interface GoneNodes {
  /** From memory, as last read. Throws Unavailable while nothing was read yet: a node must not be asked by mistake. */
  list(): readonly GoneNode[];
  /** Durable when it returns. Idempotent. */
  add(node: GoneNode): Promise<void>;
  remove(nodeName: string): Promise<void>;
}

/** A PersistentVolume of our driver. */
export interface ClaimedVolume {
  readonly pvName: string;
  readonly volumeId: string;
  /** `namespace/name` of its claim; undefined = unbound. */
  readonly claim?: string;
  readonly phase: string;
  readonly sizeBytes: bigint;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

/** What Kubernetes knows. Absent outside it. */
export interface ClusterView {
  /** Of our driver, read from the API server now. Unavailable when it cannot be asked. */
  persistentVolumes(): Promise<readonly ClaimedVolume[]>;
  /** The Node object; undefined = there is none. Unavailable when the API server cannot be asked. */
  node(name: string): Promise<{ readonly uid: string; readonly ready: boolean } | undefined>;
}

/** A node as `convoy nodes` shows it. */
export interface NodeStatus {
  readonly nodeName: string;
  readonly nodeKey: string;
  readonly state: 'connected' | 'unreachable' | 'refused' | 'gone';
  /** Why it is not connected. */
  readonly reason?: string;
  readonly address?: string;
  readonly version?: string;
  readonly pools: readonly { readonly name: string; readonly driver: string; readonly open: boolean; readonly reason?: string }[];
  /** Epoch milliseconds since when it is gone. */
  readonly goneSince?: number;
}

export interface OrphanVolume {
  readonly volumeId: string;
  /** `global` for one of a global pool. */
  readonly nodeName: string;
  readonly pool: string;
  readonly name: string;
  readonly sizeBytes: bigint;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

export interface Orphans {
  /** Volumes that no PersistentVolume names, oldest first. */
  readonly volumes: readonly OrphanVolume[];
  /** PersistentVolumes whose volume does not exist: its node or global pool answers without it, or the node was declared gone. */
  readonly claims: readonly ClaimedVolume[];
  /** Nodes and global pools (`global`) that could not be asked, each with the reason: what they have is in neither list. */
  readonly silent: readonly { readonly nodeName: string; readonly reason: string }[];
}

/** For the admin service and metrics. Implemented by `ClusterNodes` (cluster/admin.ts). */
export interface ClusterAdmin {
  nodes(): Promise<readonly NodeStatus[]>;
  /** Precondition when the node still answers or Kubernetes counts it as ready, unless `force`. */
  forget(nodeName: string, options: { readonly force: boolean }): Promise<GoneNode>;
  /** NotFound when it is not gone. */
  readmit(nodeName: string): Promise<void>;
  /** What is younger than `minAgeMs` is left out; default: 5 minutes. */
  orphans(options?: { readonly minAgeMs?: number }): Promise<Orphans>;
}

/** The Controller service over all agents: the same table that csi/server.ts serves for local pools. */
export type ForwardingRpc<Name extends keyof CsiMethods> = (
  request: CsiMethods[Name]['received'],
  call: Call,
) => Promise<CsiMethods[Name]['response']>;
