import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { ServiceDefinition } from '@grpc/grpc-js';
import type { Connections } from './connections.ts';
import { hostOf } from './gate.ts';
import type { Refusals } from './refusals.ts';

/**
 * What grpc-js answers by itself, before any handler or interceptor: RPCs that no service here has, and what is no gRPC. Node
 * tells of every stream of every HTTP/2 server in the process before its server handles it; grpc-js has nothing public for
 * this. Where Node would not tell, such calls would still be refused, unseen.
 */
const STREAMS = 'http2.server.stream.start';

/** Only so much of what a stranger wrote goes into the log. */
const SHOWN = 120;

/** Counts and logs those calls as refused on these connections. */
export function unservedCalls(
  services: readonly ServiceDefinition[],
  connections: Pick<Connections, 'holds'>,
  refusals: Refusals,
): { watch(): void; close(): void } {
  const served = new Set(services.flatMap((definition) => Object.values(definition).map(({ path }) => path)));
  const look = ({ stream, headers }: Started): void => {
    const problem = problemOf(served, headers);
    if (problem === undefined) return;
    const socket = stream.session?.socket;
    if (socket === undefined || !connections.holds(socket)) return;
    const method = String(headers[':path']).slice(0, SHOWN);
    refusals.refuse('rpc_not_allowed', hostOf(`${socket.remoteAddress}:${socket.remotePort}`), `a call was refused: ${problem}`, {
      method,
    });
  };
  const safely = (message: unknown): void => {
    try {
      look(message as Started);
    } catch (error) {
      // Thrown from here it would end the process; a socket that is gone already throws when it is asked for its address.
      process.emitWarning(`a refused call could not be logged: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return {
    watch: () => subscribe(STREAMS, safely),
    close: () => void unsubscribe(STREAMS, safely),
  };
}

interface Started {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
}

function problemOf(served: ReadonlySet<string>, headers: IncomingHttpHeaders): string | undefined {
  const path = headers[':path'];
  if (path === undefined || !served.has(path)) return 'no service here has this RPC';
  return headers['content-type']?.startsWith('application/grpc') === true ? undefined : 'it is no gRPC';
}
