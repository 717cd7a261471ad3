import type { MethodDefinition, ServiceError } from '@grpc/grpc-js';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { ConvoyError, isErrorCode } from '../convoy/errors.ts';
import { CODE_TRAILER } from '../convoy/names.ts';
import type { Answer, Request, StreamName, UnaryName } from './definitions.ts';
import { adminDefinition } from './definitions.ts';

/** The other end of the admin service: what the command line talks through. Throws ConvoyErrors. */
export interface AdminClient {
  /** Without a deadline: the daemon waits to the end of long work. Aborting gives up waiting; the work goes on. */
  call<Name extends UnaryName>(name: Name, request: Request<Name>, options?: { readonly signal?: AbortSignal }): Promise<Answer<Name>>;
  /** Ends by itself, by `signal`, or with an error. */
  stream<Name extends StreamName>(name: Name, request: Request<Name>, signal: AbortSignal): AsyncIterable<Answer<Name>>;
  close(): void;
}

/** Connects lazily. `socketPath` is absolute. */
export function connectAdmin(socketPath: string): AdminClient {
  const client = new Client(`unix://${socketPath}`, credentials.createInsecure(), {
    // The kernel's socket is there or it is not; waiting for it is the caller's business.
    'grpc.enable_retries': 0,
    'grpc.max_receive_message_length': 64 << 20,
    // Node's HTTP/2 refuses a socket's path as authority.
    'grpc.default_authority': 'localhost',
  });
  return {
    call: (name, request, options) => callUnary(client, socketPath, name, request, options?.signal),
    stream: (name, request, signal) => callStream(client, socketPath, name, request, signal),
    close: () => client.close(),
  };
}

async function callUnary<Name extends UnaryName>(
  client: Client,
  socketPath: string,
  name: Name,
  request: Request<Name>,
  signal: AbortSignal | undefined,
): Promise<Answer<Name>> {
  const { path, requestSerialize, responseDeserialize } = definitionOf<Name>(name);
  return await new Promise<Answer<Name>>((resolve, reject) => {
    if (signal?.aborted === true) return reject(new ConvoyError('Cancelled', 'interrupted'));
    const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, new Metadata(), {}, (error, answer) => {
      signal?.removeEventListener('abort', cancel);
      if (error !== null) reject(fromServiceError(error, socketPath));
      else if (answer === undefined) reject(new ConvoyError('Internal', `the daemon's answer to ${name} is empty`));
      else resolve(answer);
    });
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

async function* callStream<Name extends StreamName>(
  client: Client,
  socketPath: string,
  name: Name,
  request: Request<Name>,
  signal: AbortSignal,
): AsyncGenerator<Answer<Name>> {
  if (signal.aborted) return;
  const { path, requestSerialize, responseDeserialize } = definitionOf<Name>(name);
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const message of call) yield message as Answer<Name>;
  } catch (error) {
    if (!signal.aborted) throw fromServiceError(error as ServiceError, socketPath);
  } finally {
    signal.removeEventListener('abort', cancel);
    cancel();
  }
}

/** The table's key decides the types; the generated definition does not say so by itself. */
function definitionOf<Name extends UnaryName | StreamName>(name: Name): MethodDefinition<Request<Name>, Answer<Name>> {
  return adminDefinition()[name] as unknown as MethodDefinition<Request<Name>, Answer<Name>>;
}

/** The error that the daemon threw, by its code; what gRPC itself says is Unavailable, with what to do. */
export function fromServiceError(error: ServiceError, socketPath: string): ConvoyError {
  const code = error.metadata?.get(CODE_TRAILER)[0];
  if (typeof code === 'string' && isErrorCode(code)) return new ConvoyError(code, error.details, { cause: error });
  if (error.code === status.CANCELLED) return new ConvoyError('Cancelled', 'interrupted', { cause: error });
  if (error.code === status.UNAVAILABLE && /\bEACCES\b/.test(error.details))
    return new ConvoyError('Unavailable', `this user may not open unix://${socketPath}: run the command as root`, { cause: error });
  if (error.code === status.UNAVAILABLE)
    return new ConvoyError(
      'Unavailable',
      `no daemon answers at unix://${socketPath}: start it (convoy daemon), or say where it listens (--endpoint, CSI_ENDPOINT)`,
      { cause: error },
    );
  if (error.code === status.UNIMPLEMENTED)
    return new ConvoyError('NotSupported', `what answers at unix://${socketPath} is no convoy daemon of this version (${error.details})`, {
      cause: error,
    });
  return new ConvoyError('Internal', `the call failed: ${error.details}`, { cause: error });
}
