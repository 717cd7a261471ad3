import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

type Entry = Readonly<Record<string, unknown>> & { readonly metadata: { readonly name: string } };

/** As much of an API server as the scripts of the chart talk to: objects by path, in memory, on loopback. */
export class FakeKube implements AsyncDisposable {
  readonly #server: Server;
  readonly objects = new Map<string, Entry>();
  /** Requests as `METHOD path`, in order. */
  readonly requests: string[] = [];
  /** Looks at each object when it is read, as controllers would: gives its status. */
  status: (object: Entry) => Readonly<Record<string, unknown>> = () => ({});
  /** What lists answer, by path. One that is not here is 404, as an API that is not served. */
  readonly lists = new Map<string, () => readonly unknown[]>();
  pageSize = 500;
  log = '';
  /** Paths that a DELETE does not remove. */
  stuck: RegExp | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeKube> {
    const server = createServer();
    const fake = new FakeKube(server);
    server.on('request', (request: IncomingMessage, response) => {
      void fake
        .#answer(request)
        .then(([status, body]) => response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return fake;
  }

  get base(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage): Promise<readonly [number, unknown]> {
    const url = new URL(request.url ?? '', this.base);
    const path = url.pathname;
    this.requests.push(`${request.method} ${path}`);
    if (request.headers.authorization !== 'Bearer secret') return [401, { message: 'who are you' }];
    if (request.method === 'POST') {
      const object = (await json(request)) as Entry;
      this.objects.set(`${path}/${object.metadata.name}`, object);
      return [201, object];
    }
    if (request.method === 'DELETE') {
      if (this.stuck?.test(path) !== true) this.objects.delete(path);
      return [200, {}];
    }
    if (path.endsWith('/log')) return [200, this.log];
    const list = this.lists.get(path)?.();
    if (list !== undefined) return [200, this.#page(list, Number(url.searchParams.get('continue')))];
    const found = this.objects.get(path);
    return found === undefined ? [404, { message: 'not found' }] : [200, { ...found, status: this.status(found) }];
  }

  #page(list: readonly unknown[], from: number): unknown {
    const next = from + this.pageSize;
    return { items: list.slice(from, next), metadata: next < list.length ? { continue: String(next) } : {} };
  }
}
