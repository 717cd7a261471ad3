import { fromJSON } from '@grpc/proto-loader';
import type { MethodsOf } from '../csi/definitions.ts';
import admin from './gen/admin.json' with { type: 'json' };
import type { AdminDefinition } from './gen/convoy/admin/v0/Admin.ts';

let loaded: AdminDefinition | undefined;

/**
 * The admin service as grpc-js wants it, with the options that scripts/generate.ts makes the types for. int64 are strings.
 * Made when it is first used: a daemon that nobody asks anything saves the memory and the start time.
 */
export function adminDefinition(): AdminDefinition {
  loaded ??= fromJSON(admin as unknown as Parameters<typeof fromJSON>[0], { longs: String, enums: String, defaults: true, oneofs: true })[
    SERVICE
  ] as unknown as AdminDefinition;
  return loaded;
}

/** Full name of the service; RPCs are at `/<service>/<name>`. */
export const SERVICE = 'convoy.admin.v0.Admin';

type Methods = MethodsOf<AdminDefinition>;

/** RPCs that answer many times. The service's definition says the same, or a test fails. */
export const STREAMS = ['WatchJobs', 'RunDoctor'] as const satisfies readonly (keyof Methods)[];
export type StreamName = (typeof STREAMS)[number];
export type UnaryName = Exclude<keyof Methods, StreamName>;
/** RPCs of a controller. */
export const CLUSTER = ['ListNodes', 'ForgetNode', 'ReadmitNode', 'ListOrphans'] as const satisfies readonly (keyof Methods)[];
export type ClusterName = (typeof CLUSTER)[number];
/** RPCs of who has pools of its own. */
export type LocalName = Exclude<UnaryName, ClusterName>;

/** What a caller sends, and gets. */
export type Request<Name extends keyof Methods> = Methods[Name]['request'];
export type Answer<Name extends keyof Methods> = Methods[Name]['answered'];
/** What a server gets, and sends. */
export type Received<Name extends keyof Methods> = Methods[Name]['received'];
export type Response<Name extends keyof Methods> = Methods[Name]['response'];
