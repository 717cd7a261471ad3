import { Client, credentials, Metadata, type MethodDefinition, type ServiceError, type status } from '@grpc/grpc-js';
import { type CsiMethods, csiDefinitions, type RpcName } from './definitions.ts';
import { socketPath } from './listen.ts';
import { statusName } from './status.ts';

/** A call that was answered with a status other than OK. */
export class CsiCallError extends Error {
  readonly method: RpcName;
  readonly status: status;
  /** Name of the status: `NOT_FOUND`. */
  readonly code: string;
  /** The server's message alone. */
  readonly details: string;
  constructor(method: RpcName, error: ServiceError) {
    super(`${method}: ${statusName(error.code)}: ${error.details}`, { cause: error });
    this.name = 'CsiCallError';
    this.method = method;
    this.status = error.code;
    this.code = statusName(error.code);
    this.details = error.details;
  }
}

export interface CallOptions {
  /** Milliseconds; the server sees the deadline. Absent = none. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A CSI driver at the other end of a socket: ours, in the demo, the command line and the tests. */
export interface CsiClient {
  /** Throws CsiCallError. */
  call<Name extends RpcName>(
    method: Name,
    request: CsiMethods[Name]['request'],
    options?: CallOptions,
  ): Promise<CsiMethods[Name]['answered']>;
  close(): void;
}

export function openCsiClient(endpoint: string): CsiClient {
  const client = new Client(`unix:${socketPath(endpoint)}`, credentials.createInsecure(), {
    'grpc.enable_channelz': 0,
    // One connection for each client: tests and the demo count on it ending with close().
    'grpc.use_local_subchannel_pool': 1,
  });
  return {
    call: (method, request, options = {}) => unary(client, method, request, options),
    close: () => client.close(),
  };
}

function unary<Name extends RpcName>(
  client: Client,
  method: Name,
  request: CsiMethods[Name]['request'],
  { timeoutMs, signal }: CallOptions,
): Promise<CsiMethods[Name]['answered']> {
  const { path, requestSerialize, responseDeserialize } = METHODS[method] as unknown as MethodDefinition<
    CsiMethods[Name]['request'],
    CsiMethods[Name]['answered']
  >;
  const deadline = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      deadline,
      (error, response) => {
        signal?.removeEventListener('abort', cancel);
        if (error !== null) reject(new CsiCallError(method, error));
        else if (response === undefined) reject(new Error(`${method} was answered with nothing`));
        else resolve(response);
      },
    );
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted === true) cancel();
  });
}

const METHODS = { ...csiDefinitions.Identity, ...csiDefinitions.Controller, ...csiDefinitions.Node };
