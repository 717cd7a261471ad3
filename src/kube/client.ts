import {
  ApiException,
  AuthenticationV1Api,
  type ConfigurationOptions,
  CoordinationV1Api,
  CoreV1Api,
  DiscoveryV1Api,
  type V1Status,
} from '@kubernetes/client-node/dist/api.js';
import { of } from '@kubernetes/client-node/dist/gen/rxjsStub.js';
import type { KubernetesListObject, KubernetesObject } from '@kubernetes/client-node/dist/types.js';
import { Watch } from '@kubernetes/client-node/dist/watch.js';
import { ConvoyError } from '../convoy/errors.ts';
import { notReached, type Place, refusedByApi, type Verb } from './api-error.ts';
import type { KubeConnection } from './connection.ts';

/** Selectors and the like. */
export type Query = Readonly<Record<string, string>>;

/** What a call of the library takes as its last argument. */
export type CallOptions = ConfigurationOptions;

/** To be spread into what a list is asked with. */
export interface PageRequest {
  readonly limit: number;
  readonly _continue?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Of the whole list. */
  readonly version: string;
}

/** The object is as the JSON has it: times are text. */
export type WatchHandler<T> = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T) => void;

interface Limits {
  /** Until the last byte of the answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 10_000;
const PAGE_SIZE = 500;
/** A watch that its server does not end in time is taken for half-open after this grace. */
const WATCH_GRACE_MS = 5000;

/**
 * The client library's calls, each ended within its time, and each with a KubeApiError that names the verb and the resource. Each may
 * be repeated: an update carries the version that it replaces.
 */
export class KubeClient {
  readonly core: CoreV1Api;
  readonly discovery: DiscoveryV1Api;
  readonly authentication: AuthenticationV1Api;
  readonly coordination: CoordinationV1Api;
  readonly #connection: KubeConnection;
  readonly #watch: Watch;
  readonly #closed = new AbortController();

  constructor(connection: KubeConnection) {
    this.#connection = connection;
    this.#watch = new Watch(connection);
    this.core = connection.makeApiClient(CoreV1Api);
    this.discovery = connection.makeApiClient(DiscoveryV1Api);
    this.authentication = connection.makeApiClient(AuthenticationV1Api);
    this.coordination = connection.makeApiClient(CoordinationV1Api);
  }

  /** One call of the library, which must be given the options. 409 when an object is no longer of the version that is replaced. */
  ask<T>(verb: Verb, place: Place, call: (options: CallOptions) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#within({ timeoutMs: TIMEOUT_MS, signal }, verb, place, (limit) => call(endedBy(limit)));
  }

  /** Page by page. Throws 410 when the version that is read was compacted away in between. */
  async *pages<T extends KubernetesObject>(
    place: Place,
    list: (page: PageRequest, options: CallOptions) => Promise<KubernetesListObject<T>>,
    signal?: AbortSignal,
  ): AsyncGenerator<Page<T>> {
    for (let next = ''; ; ) {
      const page = { limit: PAGE_SIZE, ...(next === '' ? {} : { _continue: next }) };
      const { items, metadata } = await this.#within({ timeoutMs: 3 * TIMEOUT_MS, signal }, 'list', place, (limit) =>
        list(page, endedBy(limit)),
      );
      yield { items, version: metadata?.resourceVersion ?? '' };
      next = metadata?._continue ?? '';
      if (next === '') return;
    }
  }

  /** Ends by itself after about `seconds`: a connection that is half open is found out by then. Throws 410 when `version` is too old. */
  watch<T>(place: Place, query: Query, version: string, seconds: number, handle: WatchHandler<T>, signal: AbortSignal): Promise<void> {
    const asked = { ...query, resourceVersion: version, allowWatchBookmarks: true, timeoutSeconds: seconds };
    return this.#within({ timeoutMs: seconds * 1000 + WATCH_GRACE_MS, signal }, 'watch', place, (limit) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const event = (type: string, object: T & V1Status): void => {
        if (limit.aborted) return;
        if (type === 'ERROR') reject(refusedByApi('watch', place, object.code ?? 0, object));
        else if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') handle(type, object);
      };
      const done = (error: unknown): void => (error === null || error === undefined ? resolve() : reject(error));
      // What ends it is known only when the server has answered.
      this.#watch.watch(pathOf(place), asked, event, done).then((running) => {
        if (limit.aborted) running.abort();
        else limit.addEventListener('abort', () => running.abort(), { once: true });
      }, reject);
      return promise;
    });
  }

  /** Ends what runs. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#connection.close();
  }

  async #within<T>({ timeoutMs, signal }: Limits, verb: Verb, place: Place, work: (limit: AbortSignal) => Promise<T>): Promise<T> {
    const ended = new AbortController();
    const given = [AbortSignal.timeout(timeoutMs), this.#closed.signal, ended.signal, ...(signal === undefined ? [] : [signal])];
    const limit = AbortSignal.any(given);
    try {
      return await orAborted(limit, work);
    } catch (error) {
      if (error instanceof ApiException) throw refusedByApi(verb, place, error.code, statusOf(error.body));
      if (error instanceof ConvoyError) throw error;
      const status = watchStatus(error);
      if (status !== undefined) throw refusedByApi(verb, place, status, {});
      // There was no answer: the next call does not rely on this connection.
      this.#connection.connectAnew();
      if (signal?.aborted === true || this.#closed.signal.aborted)
        throw new ConvoyError('Cancelled', 'a call of the API server was given up', { cause: error });
      const timedOut = error instanceof Error && error.name === 'TimeoutError';
      throw notReached(verb, place, this.#connection.server, timedOut ? new Error(`no answer within ${timeoutMs / 1000} s`) : error);
    } finally {
      ended.abort();
    }
  }
}

/** Rejects with the signal's reason, whatever the work still waits for: plugins that log in know no signals. */
async function orAborted<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([work(signal), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The library takes a signal through what may change a request before it is sent. */
const endedBy = (signal: AbortSignal): CallOptions => ({
  middleware: [
    {
      pre: (request) => {
        request.setSignal(signal);
        return of(request);
      },
      post: (response) => of(response),
    },
  ],
  middlewareMergeStrategy: 'append',
});

function pathOf({ api, resource, namespace }: Place): string {
  const root = api.includes('/') ? `/apis/${api}` : `/api/${api}`;
  return `${root}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${resource}`;
}

/** The library's Watch throws a plain Error with this property. */
const watchStatus = (error: unknown): number | undefined =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;

/** The library gives the text of an answer that is no success. A proxy in between may answer with anything. */
function statusOf(body: unknown): V1Status {
  if (typeof body !== 'string') return {};
  try {
    return JSON.parse(body) as V1Status;
  } catch {
    return { message: body.slice(0, 200) };
  }
}
