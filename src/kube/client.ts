import http from 'node:http';
import https from 'node:https';
import { ConvoyError, isErrno } from '../convoy/errors.ts';
import { notReached, type Place, refusedByApi, type Verb } from './api-error.ts';
import type { Connection } from './connection.ts';
import type { KubeList, KubeObject, Status, WatchEvent } from './objects.ts';

export type Query = Readonly<Record<string, string>>;

interface Asked {
  readonly verb: Verb;
  readonly place: Place;
  readonly query?: Query;
  readonly body?: unknown;
  /** Until the last byte of the answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Of the whole list. */
  readonly version: string;
}

const TIMEOUT_MS = 10_000;
const PAGE_SIZE = '500';
/** A watch that its server does not end in time is taken for half-open after this grace. */
const WATCH_GRACE_MS = 5000;
const METHODS = { get: 'GET', list: 'GET', watch: 'GET', create: 'POST', update: 'PUT' } as const satisfies Record<Verb, string>;

/**
 * The few calls of the Kubernetes API that the controller makes. Each ends within its time, and each error is a KubeApiError
 * that names the verb and the resource. Each may be repeated: an update carries the version that it replaces.
 */
export class KubeClient {
  readonly #connection: Connection;
  readonly #agent: http.Agent;
  readonly #closed = new AbortController();

  constructor(connection: Connection) {
    this.#connection = connection;
    const settings = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 2 };
    this.#agent = connection.server.startsWith('http:') ? new http.Agent(settings) : new https.Agent(settings);
  }

  get<T extends KubeObject>(place: Place, signal?: AbortSignal): Promise<T> {
    return this.#ask({ verb: 'get', place, timeoutMs: TIMEOUT_MS, signal });
  }

  /** Page by page. Throws 410 when the version that is read was compacted away in between. */
  async *pages<T extends KubeObject>(place: Place, query: Query, signal?: AbortSignal): AsyncGenerator<Page<T>> {
    for (let next = ''; ; ) {
      const paged = { ...query, limit: PAGE_SIZE, ...(next === '' ? {} : { continue: next }) };
      const list = await this.#ask<KubeList<T>>({ verb: 'list', place, query: paged, timeoutMs: 3 * TIMEOUT_MS, signal });
      yield { items: list.items ?? [], version: list.metadata?.resourceVersion ?? '' };
      next = list.metadata?.continue ?? '';
      if (next === '') return;
    }
  }

  create<T>(place: Place, body: unknown, signal?: AbortSignal): Promise<T> {
    return this.#ask({ verb: 'create', place, body, timeoutMs: TIMEOUT_MS, signal });
  }

  /** Replaces the whole object; 409 when it is no longer of the version that `body` names. */
  replace<T extends KubeObject>(place: Place, body: T, signal?: AbortSignal): Promise<T> {
    return this.#ask({ verb: 'update', place, body, timeoutMs: TIMEOUT_MS, signal });
  }

  /** Ends by itself after about `seconds`: a connection that is half open is found out by then. */
  async *watch<T extends KubeObject>(place: Place, query: Query, seconds: number, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const asked: Asked = {
      verb: 'watch',
      place,
      query: { ...query, watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(seconds) },
      timeoutMs: seconds * 1000 + WATCH_GRACE_MS,
      signal,
    };
    try {
      for await (const line of lines(await this.#open(asked))) yield JSON.parse(line) as WatchEvent<T>;
    } catch (error) {
      throw this.#failure(asked, error);
    }
  }

  /** Ends what runs. */
  close(): void {
    this.#closed.abort();
    this.#agent.destroy();
  }

  async #ask<T>(asked: Asked): Promise<T> {
    try {
      return JSON.parse(await text(await this.#open(asked))) as T;
    } catch (error) {
      throw this.#failure(asked, error);
    }
  }

  #failure({ verb, place, timeoutMs, signal }: Asked, error: unknown): ConvoyError {
    if (error instanceof ConvoyError) return error;
    if (signal?.aborted === true || this.#closed.signal.aborted)
      return new ConvoyError('Cancelled', 'a call of the API server was given up', { cause: error });
    const timedOut = error instanceof Error && (error.cause as Error | undefined)?.name === 'TimeoutError';
    const why = timedOut ? new Error(`no answer within ${timeoutMs / 1000} s`) : error;
    return notReached(verb, place, this.#connection.server, why);
  }

  async #open(asked: Asked): Promise<http.IncomingMessage> {
    const signals = [AbortSignal.timeout(asked.timeoutMs), this.#closed.signal, ...(asked.signal === undefined ? [] : [asked.signal])];
    const signal = AbortSignal.any(signals);
    const response = await this.#send(asked, signal, true);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw refusedByApi(asked.verb, asked.place, status, parseStatus(await text(response)));
  }

  async #send(asked: Asked, signal: AbortSignal, again: boolean): Promise<http.IncomingMessage> {
    const options = await this.#connection.options();
    const body = asked.body === undefined ? undefined : JSON.stringify(asked.body);
    const url = `${this.#connection.server}${pathOf(asked)}`;
    const request = (url.startsWith('http:') ? http : https).request(url, {
      agent: this.#agent,
      ...options,
      method: METHODS[asked.verb],
      headers: {
        ...(options.headers as http.OutgoingHttpHeaders | undefined),
        accept: 'application/json',
        'user-agent': 'convoy-csi',
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
      signal,
    });
    try {
      return await new Promise((resolve, reject) => {
        request.once('response', resolve).once('error', reject).end(body);
      });
    } catch (error) {
      // The server had closed a connection of the pool just then: it has seen nothing of this request.
      if (again && request.reusedSocket && isErrno(error, 'ECONNRESET', 'EPIPE')) return this.#send(asked, signal, false);
      throw error;
    }
  }
}

function pathOf({ verb, place, query }: Asked): string {
  const { api, resource, namespace, name } = place;
  const parts = [
    api.includes('/') ? `/apis/${api}` : `/api/${api}`,
    ...(namespace === undefined ? [] : ['namespaces', encodeURIComponent(namespace)]),
    resource,
    ...(name === undefined || verb === 'create' ? [] : [encodeURIComponent(name)]),
  ];
  const search = new URLSearchParams(query).toString();
  return `${parts.join('/')}${search === '' ? '' : `?${search}`}`;
}

/** A proxy in between may answer with anything. */
function parseStatus(body: string): Status {
  try {
    return JSON.parse(body) as Status;
  } catch {
    return { message: body.slice(0, 200) };
  }
}

async function text(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Not readline: it ends quietly when its input breaks. */
async function* lines(response: http.IncomingMessage): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response) {
    const parts = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    yield* parts.filter((line) => line !== '');
  }
}
