import { randomBytes } from 'node:crypto';
import type { Server, ServerUnaryCall, ServerWritableStream, ServiceError, sendUnaryData, UntypedHandleCall } from '@grpc/grpc-js';
import { Metadata } from '@grpc/grpc-js';
import type { ErrorCode } from '../convoy/errors.ts';
import { ConvoyError } from '../convoy/errors.ts';
import { CODE_TRAILER } from '../convoy/names.ts';
import { statusOf } from '../csi/status.ts';
import type { Call } from '../pool/api.ts';
import type { LocalName, Received, StreamName, UnaryName } from './definitions.ts';
import { adminDefinition, CLUSTER, SERVICE, STREAMS } from './definitions.ts';
import type { AdminEdge, ClusterEdge, ClusterRpc, StreamRpc, UnaryRpc } from './rpc.ts';
import { CLUSTER_UNARY, STREAMING, UNARY } from './service.ts';

export interface AdminLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface AdminService {
  /** Resolves once no call runs any more. */
  idle(): Promise<void>;
  /** Ends the streams that would go on for ever; new ones end at once. */
  stop(): void;
}

/** Puts the admin service on the server that serves CSI. Its calls are an admin's: none counts as CSI. */
export function addAdminService(server: Server, edge: AdminEdge, log: AdminLog): AdminService {
  const host = new Host(log);
  const refused = elsewhere('the controller answers this: kubectl exec its pod');
  for (const name of CLUSTER) register(server, name, 'unary', host.unary(name, refused));
  for (const name of Object.keys(UNARY) as LocalName[])
    register(server, name, 'unary', host.unary(name, bound(edge, UNARY[name] as UnaryRpc<UnaryName>)));
  for (const name of Object.keys(STREAMING) as StreamName[])
    register(
      server,
      name,
      'serverStream',
      host.streaming(name, (...args) => (STREAMING[name] as StreamRpc<StreamName>)(edge, ...args)),
    );
  return host;
}

/** The same on a controller: of pools it has the global ones alone. */
export function addClusterAdminService(server: Server, edge: ClusterEdge, log: AdminLog): AdminService {
  const host = new Host(log);
  const refused = elsewhere("pools and volumes are on the nodes: ask a node's agent (kubectl exec its pod)");
  const own = edge.global === undefined ? undefined : { ...edge.global, about: edge.about };
  const local = (Object.keys(UNARY) as LocalName[]).filter((name) => !Object.hasOwn(CLUSTER_UNARY, name));
  for (const name of local) {
    const rpc = own === undefined ? refused : bound(own, UNARY[name] as UnaryRpc<UnaryName>);
    register(server, name, 'unary', host.unary(name, rpc));
  }
  for (const name of STREAMS) {
    const stream = STREAMING[name] as StreamRpc<StreamName>;
    const rpc: StreamHandler = own === undefined ? refused : (...args) => stream(own, ...args);
    register(server, name, 'serverStream', host.streaming(name, rpc));
  }
  for (const name of Object.keys(CLUSTER_UNARY) as (keyof typeof CLUSTER_UNARY)[])
    register(server, name, 'unary', host.unary(name, bound(edge, CLUSTER_UNARY[name] as ClusterRpc<UnaryName>)));
  return host;
}

type Handler = (request: Received<UnaryName>, call: Call) => Promise<unknown>;
type StreamHandler = (request: Received<StreamName>, call: Call, send: (message: unknown) => void) => Promise<void>;

const bound =
  <E>(edge: E, rpc: UnaryRpc<UnaryName, E>): Handler =>
  (request, call) =>
    rpc(edge, request, call);

const elsewhere = (where: string) => (): Promise<never> => Promise.reject(new ConvoyError('NotSupported', where));

/** One by one instead of by addService, which wants the whole definition at once. */
function register(server: Server, name: UnaryName | StreamName, type: 'unary' | 'serverStream', handler: UntypedHandleCall): void {
  const method = (): { requestDeserialize(bytes: Buffer): unknown; responseSerialize(value: never): Buffer } => adminDefinition()[name];
  server.register(
    `/${SERVICE}/${name}`,
    handler,
    (value) => method().responseSerialize(value as never),
    (bytes) => method().requestDeserialize(bytes),
    type,
  );
}

type AnyCall = Pick<ServerUnaryCall<unknown, unknown>, 'getDeadline' | 'cancelled' | 'request'> & {
  once(event: 'cancelled', listener: () => void): unknown;
};

class Host implements AdminService {
  readonly #log: AdminLog;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(log: AdminLog) {
    this.#log = log;
  }

  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  stop(): void {
    this.#stopping.abort();
  }

  unary(method: string, rpc: Handler): UntypedHandleCall {
    return (call: ServerUnaryCall<Received<UnaryName>, unknown>, done: sendUnaryData<unknown>) => {
      this.#track(
        this.#observe(method, call, (context) => rpc(call.request, context)).then(
          (answer) => done(null, answer),
          (error: ServiceError) => done(error),
        ),
      );
    };
  }

  streaming(method: string, rpc: StreamHandler): UntypedHandleCall {
    return (call: ServerWritableStream<Received<StreamName>, unknown>) => {
      const send = (message: unknown): void => {
        if (!call.cancelled) call.write(message);
      };
      const work = (context: Call): Promise<void> =>
        rpc(call.request, { ...context, signal: AbortSignal.any([context.signal, this.#stopping.signal]) }, send);
      this.#track(
        this.#observe(method, call, work).then(
          () => call.end(),
          (error: ServiceError) => call.emit('error', error),
        ),
      );
    };
  }

  /** In grpc-js a rejected handler ends the process: whatever goes wrong while answering is logged instead. */
  #track(work: Promise<unknown>): void {
    const tracked: Promise<unknown> = work
      .catch((error: unknown) => this.#log.error({ error }, 'an admin call could not be answered'))
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** Runs one call with its context, logs it, and turns what it throws into a ServiceError. */
  async #observe<T>(method: string, call: AnyCall, work: (context: Call) => Promise<T>): Promise<T> {
    const started = performance.now();
    const { context, finish } = contextOf(call);
    const fields = (code: string): Record<string, unknown> => ({
      method: `admin/${method}`,
      request_id: context.requestId,
      code,
      duration_ms: Math.round(performance.now() - started),
      ...objectsOf(call.request),
    });
    try {
      const answer = await work(context);
      if (!READS.test(method)) this.#log.info(fields('OK'), 'admin call');
      return answer;
    } catch (error) {
      const failure = toServiceError(error, context.requestId);
      const code = failure.metadata.get(CODE_TRAILER).join('');
      // An expected refusal is the caller's to read; anything else is ours to find.
      if (code === 'Internal') this.#log.error({ ...fields(code), error }, 'admin call failed');
      else this.#log.info({ ...fields(code), reason: failure.details }, 'admin call refused');
      throw failure;
    } finally {
      finish();
    }
  }
}

/** What the call is about, for who asks later who deleted it. Never options, parameters or anything else that may hold a secret. */
const LOGGED_FIELDS = ['pool', 'name', 'volume', 'snapshot', 'item', 'how', 'mountPoint', 'sourceSnapshot', 'sourceVolume'] as const;

function objectsOf(request: unknown): Record<string, string> {
  const found: Record<string, string> = {};
  if (typeof request !== 'object' || request === null) return found;
  for (const field of LOGGED_FIELDS) {
    const value: unknown = (request as Record<string, unknown>)[field];
    if (typeof value === 'string' && value !== '') found[field] = value.slice(0, 256);
  }
  return found;
}

/** Calls that change nothing are not worth a line of the log. */
const READS = /^(Info|List|Inspect|Watch)/;

function contextOf(call: AnyCall): { readonly context: Call; readonly finish: () => void } {
  const controller = new AbortController();
  let finished = false;
  // grpc-js emits it also when a call has ended well, which must not stop what the call has left behind.
  const abort = (): void => {
    if (!finished) controller.abort(new ConvoyError('Cancelled', 'the caller gave up or its deadline passed'));
  };
  if (call.cancelled) abort();
  else call.once('cancelled', abort);
  const deadline = Number(call.getDeadline());
  const context: Call = {
    signal: controller.signal,
    ...(Number.isFinite(deadline) ? { deadline } : {}),
    secrets: {},
    requestId: randomBytes(6).toString('hex'),
  };
  return {
    context,
    finish: () => {
      finished = true;
    },
  };
}

/** The same statuses as CSI's; the trailer says which error of ours it is. What is not ours stays in the log. */
export function toServiceError(error: unknown, requestId: string): ServiceError {
  const { code, message } = describe(error, requestId);
  const metadata = new Metadata();
  metadata.set(CODE_TRAILER, code);
  // Trailers share a small limit; Node refuses more than some KiB.
  const details = message.length > 1500 ? `${message.slice(0, 1499)}…` : message;
  return Object.assign(new Error(details), { code: statusOf(code), details, metadata });
}

function describe(error: unknown, requestId: string): { code: ErrorCode; message: string } {
  if (error instanceof ConvoyError && error.code !== 'Internal') return { code: error.code, message: error.message };
  if (error instanceof Error && error.name === 'AbortError') return { code: 'Cancelled', message: 'the call was cancelled' };
  return { code: 'Internal', message: `internal error, see the daemon's log, request ${requestId}` };
}
