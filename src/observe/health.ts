import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** What the probes ask; each answers the reasons against, none = well. */
export interface HealthSources {
  /** The process works: that it answers is enough. Never asks storage: a hung disk is no reason to be restarted. */
  readonly alive: () => Promise<readonly string[]>;
  /** It can do its work: pools are open, who it works with is there. */
  readonly ready: () => Promise<readonly string[]>;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
}

export interface HealthServer {
  /** As bound: the port is the kernel's choice if 0 was asked. */
  readonly address: string;
  close(): Promise<void>;
}

const ANSWER_WITHIN_MS = 5000;

/** Serves /healthz, /readyz and /metrics. Fails with the bind's errno error (EADDRINUSE, EACCES). */
export async function serveHealth(listen: { readonly host: string; readonly port: number }, sources: HealthSources): Promise<HealthServer> {
  // As an ES module import it would read every export once, one of which loads undici: 13 MiB (measured).
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer({ maxHeaderSize: 8192, requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    void respond(request, response, sources);
  });
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  return { address: addressOf(server), close: () => close(server) };
}

async function respond(request: IncomingMessage, response: ServerResponse, sources: HealthSources): Promise<void> {
  const answer = (status: number, body: string, contentType = 'text/plain; charset=utf-8'): void => {
    response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store', connection: 'close' });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  try {
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'only GET and HEAD\n');
    const path = (request.url ?? '').split('?')[0];
    if (path === '/healthz') return answerReasons(answer, await within(sources.alive()));
    if (path === '/readyz') return answerReasons(answer, await within(sources.ready()));
    if (path === '/metrics') {
      const { contentType, body } = await within(sources.metrics());
      return answer(200, body, contentType);
    }
    return answer(404, '/healthz /readyz /metrics\n');
  } catch (error) {
    return answer(503, `${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function answerReasons(answer: (status: number, body: string) => void, reasons: readonly string[]): void {
  answer(reasons.length === 0 ? 200 : 503, reasons.length === 0 ? 'ok\n' : `${reasons.join('\n')}\n`);
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`)), ANSWER_WITHIN_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') return String(address);
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
