import {
  type handleUnaryCall,
  Metadata,
  Server,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { ConvoyError } from '../convoy/errors.ts';
import { CODE_TRAILER } from '../convoy/names.ts';
import type { Call } from '../pool/api.ts';
import { type CallLog, type CsiLog, callLog } from './call-log.ts';
import { type Advertised, advertised, missingCapability } from './capabilities.ts';
import { controllerRpcs } from './controller/index.ts';
import { type ControllerMethods, csiDefinitions, type IdentityMethods, type NodeMethods, type RpcName } from './definitions.ts';
import { identityRpcs } from './identity/index.ts';
import { nodeRpcs } from './node/index.ts';
import type { Edge, Rpcs } from './rpc.ts';
import { type Failure, failureOf, NotAdvertisedError, statusName } from './status.ts';

export interface CsiMetrics {
  /** One call: the RPC's name, the status' name and how long it took. */
  observe(method: string, code: string, seconds: number): void;
}

export interface CsiServerOptions extends Omit<Edge, 'advertised'> {
  /** False on a node of a cluster, where the Controller service is the controller's to ask for. Default: true. */
  readonly withController?: boolean;
  readonly log: CsiLog;
  readonly metrics?: CsiMetrics;
}

/** The tables of what is served; a service that is left out is UNIMPLEMENTED. */
export interface CsiServices {
  readonly identity?: Rpcs<IdentityMethods>;
  readonly controller?: Rpcs<ControllerMethods>;
  readonly node?: Rpcs<NodeMethods>;
}

export interface CsiHostOptions {
  readonly advertised: Advertised;
  readonly log: CsiLog;
  readonly metrics?: CsiMetrics;
  /** Asked before every handler; what it throws (a ConvoyError) is the answer. */
  readonly before?: (rpc: RpcName, call: ServerUnaryCall<unknown, unknown>) => void;
  /** Errors carry our own code beside the status, for a caller that is ours too. */
  readonly tellCode?: boolean;
}

export interface CsiServer {
  /** Bound and started by csi/listen.ts. */
  readonly server: Server;
  /** Resolves once no handler runs any more; a cancelled call's handler may run on after its caller was answered. */
  idle(): Promise<void>;
}

/** What grpc-js takes for a server's limits. */
export const SERVER_OPTIONS = {
  // A request is some KiB by spec.md's limits; this bounds what one caller can make us hold.
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
  'grpc.max_concurrent_streams': 1024,
  // A caller that is gone without a word (a stopped container) is found out, and its calls are cancelled.
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  // Bookkeeping on every call that nobody asks for.
  'grpc.enable_channelz': 0,
  // No max_connection_age and no max_connection_idle: provisioner and snapshotter exit when they lose the connection.
} as const;

/** Identity, Node and Controller on one gRPC server. RPCs of other services are UNIMPLEMENTED by grpc-js itself. */
export function createCsiServer(options: CsiServerOptions): CsiServer {
  const { implemented, hasTopology } = options.pools;
  // A node of a cluster does not know what the pools of others are: it always tells where it is, or a claim whose pod the
  // scheduler sends there would find no topology, and fail.
  const edge: Edge = { ...options, advertised: advertised({ implemented, hasTopology: hasTopology || options.withController === false }) };
  const server = new Server(SERVER_OPTIONS);
  const controller = options.withController === false ? {} : { controller: controllerRpcs(edge) };
  const services = { identity: identityRpcs(edge), node: nodeRpcs(edge), ...controller };
  return { server, idle: addCsiServices(server, services, { ...options, advertised: edge.advertised }).idle };
}

/** Puts CSI services on any server, each RPC in the one wrapper. */
export function addCsiServices(server: Server, services: CsiServices, options: CsiHostOptions): Pick<CsiServer, 'idle'> {
  const host = new Host(options);
  const add = (definition: ServiceDefinition, rpcs: object | undefined): void => {
    if (rpcs !== undefined) server.addService(definition, host.wrapAll(rpcs));
  };
  add(csiDefinitions.Identity, services.identity);
  add(csiDefinitions.Controller, services.controller);
  add(csiDefinitions.Node, services.node);
  return { idle: () => host.idle() };
}

type Message = Record<string, unknown>;
type Handler = (request: Message, call: Call) => unknown;

/** The one wrapper around every RPC. */
class Host {
  readonly #options: CsiHostOptions;
  readonly #log: CallLog;
  /** Request ids need to be unique in the logs of a node, not unguessable: start time and a count. */
  readonly #prefix = Date.now().toString(36);
  #count = 0;
  #running = 0;
  #waiting: (() => void)[] = [];

  constructor(options: CsiHostOptions) {
    this.#options = options;
    this.#log = callLog(options.log);
  }

  wrapAll(rpcs: object): UntypedServiceImplementation {
    return Object.fromEntries(Object.entries(rpcs).map(([name, handler]) => [name, this.#wrap(name as RpcName, handler as Handler)]));
  }

  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => void this.#waiting.push(resolve));
  }

  #wrap(rpc: RpcName, handler: Handler): handleUnaryCall<Message, unknown> {
    const missing = missingCapability(rpc, this.#options.advertised);
    const served: Handler = missing === undefined ? handler : () => Promise.reject(new NotAdvertisedError(rpc, missing));
    return (call, answer) => void this.#serve(rpc, served, call, answer);
  }

  /** Never rejects: in grpc-js a rejected handler ends the process. */
  async #serve(rpc: RpcName, handler: Handler, call: ServerUnaryCall<Message, unknown>, answer: sendUnaryData<unknown>): Promise<void> {
    const started = performance.now();
    const context = new RpcCall(call, `${this.#prefix}-${(++this.#count).toString(36)}`);
    this.#running++;
    let response: unknown;
    let error: unknown;
    let failure: Failure | undefined;
    try {
      this.#options.before?.(rpc, call);
      response = await handler(call.request, context);
    } catch (thrown) {
      error = thrown;
      failure = failureOf(thrown, rpc, context.requestId, (text) => this.#log.strike(text, rpc, call.request));
    }
    context.finish();
    // Reported first: who has the answer may already look at the metric or the log.
    const code = callerStatus(call, failure?.status ?? status.OK);
    const durationMs = performance.now() - started;
    this.#report(() => {
      this.#options.metrics?.observe(rpc, statusName(code), durationMs / 1000);
      this.#log.write({ rpc, request: call.request, response, requestId: context.requestId, code, durationMs, failure, error });
    });
    if (failure === undefined) answer(null, response);
    else answer({ code: failure.status, details: failure.message, ...this.#trailer(failure) });
    this.#done();
  }

  #trailer({ code }: Failure): { readonly metadata?: Metadata } {
    if (this.#options.tellCode !== true) return {};
    const metadata = new Metadata();
    metadata.set(CODE_TRAILER, code);
    return { metadata };
  }

  #report(work: () => void): void {
    try {
      work();
    } catch (error) {
      // A full disk under the log must not fail a call that succeeded; there is nowhere else to tell it.
      process.emitWarning(`a call could not be logged: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #done(): void {
    this.#running--;
    if (this.#running > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** What a handler is given. The signal is made when it is asked for: the calls that the kubelet polls never do. */
class RpcCall implements Call {
  readonly requestId: string;
  readonly secrets: Readonly<Record<string, string>>;
  readonly deadline?: number;
  readonly #call: ServerUnaryCall<Message, unknown>;
  #controller: AbortController | undefined;
  #finished = false;

  constructor(call: ServerUnaryCall<Message, unknown>, requestId: string) {
    this.#call = call;
    this.requestId = requestId;
    this.secrets = (call.request['secrets'] as Readonly<Record<string, string>> | undefined) ?? NONE;
    const deadline = Number(call.getDeadline());
    if (Number.isFinite(deadline)) this.deadline = deadline;
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#listen(new AbortController());
    return this.#controller.signal;
  }

  /** From here on grpc-js' `cancelled`, which it also emits when a stream ends well, means nothing. */
  finish(): void {
    this.#finished = true;
  }

  #listen(controller: AbortController): AbortController {
    // Emitted when the caller cancels, disconnects or its deadline passes.
    const abort = (): void => {
      if (!this.#finished)
        controller.abort(new ConvoyError('Cancelled', 'the caller gave up or its deadline passed: the same call again goes on'));
    };
    if (this.#call.cancelled) abort();
    else this.#call.once('cancelled', abort);
    return controller;
  }
}

const NONE: Readonly<Record<string, string>> = Object.freeze({});

/** What the caller saw: it was answered by grpc-js if it left or its deadline passed before us. */
function callerStatus(call: ServerUnaryCall<Message, unknown>, ours: status): status {
  if (!call.cancelled) return ours;
  return Number(call.getDeadline()) <= Date.now() ? status.DEADLINE_EXCEEDED : status.CANCELLED;
}
