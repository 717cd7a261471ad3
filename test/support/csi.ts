import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type ChannelCredentials, Client, credentials, type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { loadSync, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import type { ControllerDefinition } from '../../src/csi/gen/csi/v1/Controller.ts';
import type { IdentityDefinition } from '../../src/csi/gen/csi/v1/Identity.ts';
import type { NodeDefinition } from '../../src/csi/gen/csi/v1/Node.ts';
import type { VolumeCapability } from '../../src/csi/gen/csi/v1/VolumeCapability.ts';

/**
 * A CSI client of the tests' own, straight from proto/csi.proto: what judges the program shares no code with it.
 * Sizes go in and come out as strings, enums as names.
 */
export interface Csi {
  call<M extends Method>(method: M, request: RequestOf<M>, options?: { readonly deadlineMs?: number }): Promise<AnswerOf<M>>;
  /** Resolves once a connection stands. Rejects after `timeoutMs`. */
  ready(timeoutMs: number): Promise<void>;
  close(): void;
}
type Definitions = IdentityDefinition & ControllerDefinition & NodeDefinition;
export type Method = KnownKeys<IdentityDefinition> | KnownKeys<ControllerDefinition> | KnownKeys<NodeDefinition>;
/** The names that a service has, without its index signature. */
type KnownKeys<S> = keyof { [K in keyof S as string extends K ? never : number extends K ? never : K]: S[K] } & string;
export type RequestOf<M extends Method> = Parameters<Definitions[M]['requestSerialize']>[0];
export type AnswerOf<M extends Method> = ReturnType<Definitions[M]['responseDeserialize']>;

export class CsiError extends Error {
  /** Name of the gRPC code: `NOT_FOUND`. */
  readonly code: string;
  constructor(method: string, code: string, details: string) {
    super(`${method}: ${code}: ${details}`);
    this.code = code;
  }
}

export const isCode = (error: unknown, ...codes: string[]): error is CsiError => error instanceof CsiError && codes.includes(error.code);

const LOADED = loadSync(join(import.meta.dirname, '../../proto/csi.proto'), { longs: String, enums: String, defaults: true, oneofs: true });
const SERVICES = ['Identity', 'Controller', 'Node'].map((name) => LOADED[`csi.v1.${name}`] as ServiceDefinition);

export function connect(socketPath: string, channelCredentials: ChannelCredentials = credentials.createInsecure()): Csi {
  const client = new Client(`unix://${socketPath}`, channelCredentials, {
    // A daemon that just started is found at once, not after grpc's usual second.
    'grpc.initial_reconnect_backoff_ms': 20,
    'grpc.min_reconnect_backoff_ms': 20,
    'grpc.max_reconnect_backoff_ms': 50,
    'grpc.use_local_subchannel_pool': 1,
  });
  return {
    call: async <M extends Method>(method: M, request: RequestOf<M>, { deadlineMs = 60_000 } = {}) => {
      const { path, requestSerialize, responseDeserialize } = findMethod(method);
      return await new Promise<AnswerOf<M>>((resolve, reject) => {
        const done = (error: ServiceError | null, answer?: object): void =>
          error === null ? resolve(answer as AnswerOf<M>) : reject(toCsiError(method, error));
        client.makeUnaryRequest<object, object>(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          { deadline: Date.now() + deadlineMs },
          done,
        );
      });
    },
    ready: async (timeoutMs) =>
      await new Promise((resolve, reject) => {
        client.waitForReady(Date.now() + timeoutMs, (error) => (error === undefined ? resolve() : reject(error)));
      }),
    close: () => client.close(),
  };
}

/**
 * The call as a sidecar makes it: again after ABORTED ("try the same call again") and, with `alsoUnavailable`, after
 * UNAVAILABLE. Gives up after `timeoutMs`.
 */
export async function callUntilDone<M extends Method>(
  csi: Csi,
  method: M,
  request: RequestOf<M>,
  { timeoutMs = 60_000, alsoUnavailable = false } = {},
): Promise<AnswerOf<M>> {
  const end = performance.now() + timeoutMs;
  for (let wait = 2; ; wait = Math.min(wait * 2, 100)) {
    try {
      return await csi.call(method, request, { deadlineMs: timeoutMs });
    } catch (error) {
      const again = isCode(error, 'ABORTED', ...(alsoUnavailable ? ['UNAVAILABLE'] : []));
      if (!again || performance.now() > end) throw error;
      await pause(wait);
    }
  }
}

export type AccessMode =
  | 'SINGLE_NODE_WRITER'
  | 'SINGLE_NODE_READER_ONLY'
  | 'MULTI_NODE_MULTI_WRITER'
  | 'SINGLE_NODE_SINGLE_WRITER'
  | 'SINGLE_NODE_MULTI_WRITER';

export const mountCapability = (fsType = '', mode: AccessMode = 'SINGLE_NODE_WRITER'): VolumeCapability => ({
  accessMode: { mode },
  mount: { fsType },
});
export const blockCapability = (mode: AccessMode = 'SINGLE_NODE_WRITER'): VolumeCapability => ({ accessMode: { mode }, block: {} });

function findMethod(name: string): MethodDefinition<object, object> {
  for (const service of SERVICES) {
    const found = service[name];
    if (found !== undefined) return found;
  }
  throw new Error(`proto/csi.proto has no method ${name}`);
}

function toCsiError(method: string, error: ServiceError & { readonly metadata?: Metadata }): CsiError {
  return new CsiError(method, status[error.code] ?? String(error.code), error.details);
}
