import { setTimeout as delay } from 'node:timers/promises';
import type { KubernetesListObject, KubernetesObject } from '@kubernetes/client-node/dist/types.js';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import type { Log } from '../observe/log.ts';
import { isStatus, type Place } from './api-error.ts';
import type { CallOptions, KubeClient, PageRequest, Query, WatchHandler } from './client.ts';

export interface WatchedListOptions<T extends KubernetesObject> {
  readonly client: KubeClient;
  readonly place: Place;
  /** Selectors, for the watch. */
  readonly query: Query;
  /** The library's call for the same. */
  readonly list: (page: PageRequest, options: CallOptions) => Promise<KubernetesListObject<T>>;
  readonly log: Log;
  /** Milliseconds that a watch lasts before everything is listed anew. */
  readonly relistMs?: number;
}

/** Less than the library lets a watch be silent (30 s): a quiet one is no failure. */
const RELIST_MS = 25_000;
/** A watch that ends sooner is a failure, however politely it ends: its next try waits. */
const SHORT_MS = 2000;
const BACKOFF_MS = { first: 250, last: 5000 } as const;

/**
 * Some objects of the API server, followed by a watch and listed anew twice a minute, so that neither a lost event nor a
 * connection that died unnoticed leaves it stale for longer. While the API server is away it shows what it last knew.
 *
 * Not the client library's informer: that one stops at its first error and never lists again by itself.
 */
export class WatchedList<T extends KubernetesObject> {
  readonly #options: WatchedListOptions<T>;
  readonly #stopped = new AbortController();
  readonly #listeners = new Set<() => void>();
  #objects = new Map<string, T>();
  #read = false;
  #failure: unknown;
  #running: Promise<void> | undefined;

  constructor(options: WatchedListOptions<T>) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** Throws Unavailable until all was read once. */
  items(): readonly T[] {
    if (this.#read) return [...this.#objects.values()];
    const { resource, namespace } = this.#options.place;
    const why = this.#failure instanceof Error ? this.#failure.message : 'the API server has not answered yet';
    throw new ConvoyError('Unavailable', `${resource} of namespace ${JSON.stringify(namespace)} were not read yet: ${why}`, {
      cause: this.#failure,
    });
  }

  /** Calls back after every change until `signal` aborts. */
  watch(signal: AbortSignal, changed: () => void): void {
    if (signal.aborted) return;
    this.#listeners.add(changed);
    signal.addEventListener('abort', () => this.#listeners.delete(changed), { once: true });
  }

  /** Takes in what a write of ours was answered with, before the watch tells of it. */
  merge(object: T): void {
    if (this.#put(object)) this.#notify();
  }

  async #run(): Promise<void> {
    let waitMs: number = BACKOFF_MS.first;
    while (!this.#stopped.signal.aborted) {
      const began = performance.now();
      try {
        await this.#follow(await this.#list());
      } catch (error) {
        this.#report(error);
      }
      if (performance.now() - began >= SHORT_MS) waitMs = BACKOFF_MS.first;
      else {
        // Spread, so that not all watches of a cluster return to a server in the same instant.
        await delay(waitMs * (0.5 + Math.random()), undefined, { signal: this.#stopped.signal, ref: false }).catch(ignoreAbort);
        waitMs = Math.min(waitMs * 2, BACKOFF_MS.last);
      }
    }
  }

  async #list(): Promise<string> {
    const { client, place, list } = this.#options;
    const found = new Map<string, T>();
    let version = '';
    for await (const page of client.pages(place, list, this.#stopped.signal)) {
      for (const item of page.items) found.set(nameOf(item), item);
      version = page.version;
    }
    this.#replaceAll(found);
    return version;
  }

  /** Until the watch ends, which is then listed again. */
  async #follow(version: string): Promise<void> {
    const { client, place, query, relistMs = RELIST_MS } = this.#options;
    const handle: WatchHandler<T> = (type, object) => {
      if (type === 'DELETED' ? this.#objects.delete(nameOf(object)) : this.#put(object)) this.#notify();
    };
    await client.watch(place, query, version, Math.ceil(relistMs / 1000), handle, this.#stopped.signal);
  }

  #replaceAll(found: Map<string, T>): void {
    const before = this.#objects;
    for (const [name, object] of found) {
      const held = before.get(name);
      if (held !== undefined && isOlder(object, held)) found.set(name, held);
    }
    const changed =
      !this.#read || found.size !== before.size || [...found].some(([name, object]) => versionOf(object) !== versionOf(before.get(name)));
    if (this.#failure !== undefined) this.#options.log.info(this.#logFields(), 'the API server answers again');
    this.#objects = found;
    this.#read = true;
    this.#failure = undefined;
    if (changed) this.#notify();
  }

  #put(object: T): boolean {
    const held = this.#objects.get(nameOf(object));
    if (held !== undefined && (isOlder(object, held) || versionOf(object) === versionOf(held))) return false;
    this.#objects.set(nameOf(object), object);
    return true;
  }

  #notify(): void {
    for (const changed of this.#listeners) {
      try {
        changed();
      } catch (error) {
        this.#options.log.error({ ...this.#logFields(), error }, 'what listens for changes failed');
      }
    }
  }

  /** Once for each outage, not for each try. A version that was compacted away is no failure. */
  #report(error: unknown): void {
    if (this.#stopped.signal.aborted || isStatus(error, 410)) return;
    const news = this.#failure === undefined || messageOf(this.#failure) !== messageOf(error);
    this.#failure = error;
    if (!news) return;
    const level = isConvoyError(error, 'Unavailable') ? 'warn' : 'error';
    this.#options.log[level]({ ...this.#logFields(), error }, 'the API server does not tell what changes; what it last told stays in use');
  }

  #logFields(): Readonly<Record<string, unknown>> {
    return { resource: this.#options.place.resource, ...this.#options.query };
  }
}

const nameOf = (object: KubernetesObject): string => object.metadata?.name ?? '';
const versionOf = (object: KubernetesObject | undefined): string | undefined => object?.metadata?.resourceVersion;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Versions are numbers of one sequence, if the text is one: an event that was on its way does not undo what we wrote since. */
function isOlder(object: KubernetesObject, held: KubernetesObject): boolean {
  const [mine, its] = [versionOf(object) ?? '', versionOf(held) ?? ''];
  if (object.metadata?.uid !== held.metadata?.uid || !/^\d+$/.test(mine) || !/^\d+$/.test(its)) return false;
  return BigInt(mine) < BigInt(its);
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}
