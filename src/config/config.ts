import type { PoolConfig } from '../pool/api.ts';
import type { ListenAddress } from './endpoint.ts';

export const ROLES = ['all'] as const;
export type Role = (typeof ROLES)[number];
/** Here, not in schema.ts, which loads the checker. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

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
  /** Directories that the program makes itself before it opens the pools (the quick-start pool's). */
  readonly makeDirectories: readonly string[];
}

/** What is known of drivers before any is opened; a DriverRegistry has it. */
export interface KnownDrivers {
  names(): readonly string[];
  /** Throws when the driver is not known. */
  get(name: string): { readonly description: { readonly options: Readonly<Record<string, string>> } };
}
