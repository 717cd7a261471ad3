import type { ClusterAdmin } from '../cluster/api.ts';
import type { Call, PoolOutline, Pools } from '../pool/api.ts';
import type { NodeService } from '../publish/api.ts';
import type { Received, Response, StreamName, UnaryName } from './definitions.ts';

/** What the admin service is made of. */
export interface AdminEdge {
  readonly pools: Pools;
  readonly node: Publisher;
  readonly about: About;
  readonly doctor: Doctor;
}

/** What the admin service asks of who publishes volumes. */
export type Publisher = Pick<NodeService, 'published' | 'mount' | 'umount' | 'expand'>;

/** The same on a controller. */
export interface ClusterEdge {
  readonly cluster: ClusterAdmin;
  readonly pools: readonly PoolOutline[];
  readonly about: About;
  /** Of the global pools, which the controller manages; undefined without any. */
  readonly global: Omit<AdminEdge, 'about'> | undefined;
}

/** Facts about the daemon that do not change while it runs. */
export interface About {
  readonly version: string;
  readonly driverName: string;
  readonly role: string;
  readonly root: string;
  readonly endpoint: string;
  readonly startedAt: Date;
  /** Names of the drivers that a pool may have. */
  readonly drivers: readonly string[];
}

export interface DoctorFinding {
  readonly title: string;
  readonly state: 'RUNNING' | 'PASSED' | 'FAILED' | 'SKIPPED';
  readonly detail?: string;
  readonly durationMs?: number;
}
/** Runs the harmless part of the driver suite in one pool, on objects of its own that it removes again. */
export type Doctor = (pool: string, call: Call, report: (finding: DoctorFinding) => void) => Promise<void>;

export type UnaryRpc<Name extends UnaryName, E = AdminEdge> = (edge: E, request: Received<Name>, call: Call) => Promise<Response<Name>>;
export type ClusterRpc<Name extends UnaryName> = UnaryRpc<Name, ClusterEdge>;
export type StreamRpc<Name extends StreamName> = (
  edge: AdminEdge,
  request: Received<Name>,
  call: Call,
  send: (message: Response<Name>) => void,
) => Promise<void>;
