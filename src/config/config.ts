import type { PoolConfig, Segments } from '../pool/api.ts';
import type { ListenAddress } from './endpoint.ts';

export const ROLES = ['all', 'controller', 'node'] as const;
export type Role = (typeof ROLES)[number];
/** Here, not in schema.ts, which loads the checker. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What role `node` serves to the controller. */
export interface AgentConfig {
  readonly listen: ListenAddress;
  /** PEM of the client certificates that are trusted, or of their authority. */
  readonly controllerCertificateFile: string;
  readonly identity:
    | { readonly kind: 'token'; readonly tokenFile: string }
    | { readonly kind: 'files'; readonly certificateFile: string; readonly keyFile: string };
}

export interface StaticAgent extends ListenAddress {
  readonly node: string;
}

/** Objects of Kubernetes that the controller works with. */
export interface KubeNames {
  readonly namespace: string;
  readonly service: string;
  readonly serviceAccount: string;
  readonly identitySecret: string;
  readonly certificateConfigMap: string;
  readonly goneNodesConfigMap: string;
  readonly lease: string;
}

/** How role `controller` finds the agents and proves who is who. */
export type ControllerConfig =
  | { readonly kind: 'kubernetes'; readonly names: KubeNames }
  | {
      readonly kind: 'files';
      readonly agents: readonly StaticAgent[];
      readonly certificateFile: string;
      readonly keyFile: string;
      readonly agentCaFile: string;
    };

/** Everything that the daemon is told, checked and typed. */
export interface DaemonConfig {
  readonly role: Role;
  readonly driverName: string;
  readonly nodeName: string;
  readonly root: string;
  /** Path of the unix socket. */
  readonly socketPath: string;
  /** Undefined = no HTTP server. */
  readonly http: ListenAddress | undefined;
  readonly logLevel: LogLevel;
  readonly pools: readonly PoolConfig[];
  readonly defaultPool: string | undefined;
  /** Topology of this node beside our own key; empty = none. */
  readonly topology: Segments;
  /** Directories that the program makes itself before it opens the pools (the quick-start pool's). */
  readonly makeDirectories: readonly string[];
  /** The kubelet's directory; undefined = no kubelet to register with. */
  readonly kubeletDirectory: string | undefined;
  /** Of role `node`. */
  readonly agent: AgentConfig | undefined;
  /** Of role `controller`. */
  readonly controller: ControllerConfig | undefined;
}

/** What is known of drivers before any is opened; a DriverRegistry has it. */
export interface KnownDrivers {
  names(): readonly string[];
  /** Throws when the driver is not known. */
  get(name: string): { readonly description: { readonly options: Readonly<Record<string, string>> } };
}
