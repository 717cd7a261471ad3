import { setTimeout as delay } from 'node:timers/promises';
import type { V1Lease, V1LeaseSpec } from '@kubernetes/client-node/dist/api.js';
import { V1MicroTime } from '@kubernetes/client-node/dist/types.js';
import { ConvoyError } from '../convoy/errors.ts';
import type { Log } from '../observe/log.ts';
import { isStatus, type NamedPlace } from './api-error.ts';
import type { CallOptions, KubeClient } from './client.ts';

export interface LeaseOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Who asks: the pod's name. Of the same holder only one process runs at a time, so it takes its own lease over at once. */
  readonly holder: string;
  readonly log: Log;
  readonly durationMs?: number;
  readonly renewMs?: number;
}

interface Seen {
  version: string;
  at: number;
}

const DURATION_MS = 15_000;
const RENEW_MS = 5000;
const POLL_MS = 1000;

/**
 * The right to be the one controller, as a Lease. Whoever holds it renews it; one that was not renewed for its duration, as seen
 * by the clock of who waits, is taken over. The holder gives up (`lost`) before that, so that the two never overlap.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #place: NamedPlace;
  readonly #durationMs: number;
  readonly #renewMs: number;
  readonly #lost = new AbortController();
  readonly #stopped = new AbortController();
  #held: V1Lease | undefined;
  #waitsFor = 'the API server was not asked yet';
  #renewing: Promise<void> | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    const { namespace, name } = options;
    this.#place = { api: 'coordination.k8s.io/v1', resource: 'leases', namespace, name };
    this.#durationMs = options.durationMs ?? DURATION_MS;
    this.#renewMs = options.renewMs ?? RENEW_MS;
  }

  /** Aborts with an error as its reason once somebody else may hold the lease: the process must end. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Reason against being ready. */
  problem(): string | undefined {
    return this.#held === undefined
      ? `this controller does not hold the lease ${JSON.stringify(this.#options.name)}: ${this.#waitsFor}`
      : undefined;
  }

  /** Waits for it and keeps renewing it. Throws Cancelled when `signal` aborts. */
  async acquire(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#stopped.signal]);
    const seen: Seen = { version: '', at: 0 };
    while (!(await this.#attempt(seen, either))) {
      if (either.aborted) throw new ConvoyError('Cancelled', 'waiting for the lease was given up');
      await delay(Math.min(POLL_MS, this.#renewMs), undefined, { signal: either }).catch(() => undefined);
    }
    this.#options.log.info({ lease: this.#options.name, holder: this.#options.holder }, 'holds the lease: this is the controller now');
  }

  /** Gives it to whoever comes next. */
  async release(): Promise<void> {
    this.#stopped.abort();
    await this.#renewing;
    const held = this.#held !== undefined;
    this.#held = undefined;
    if (!held || this.#lost.signal.aborted) return;
    try {
      // Read anew: a renewal that was cut off may have been done.
      const found = await this.#get();
      if (found?.spec?.holderIdentity !== this.#options.holder) return;
      await this.#write({ ...found, spec: { ...found.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: new V1MicroTime() } });
    } catch (error) {
      this.#options.log.warn({ error }, 'the lease could not be released; a successor takes it over when it has run out');
    }
  }

  async #attempt(seen: Seen, signal: AbortSignal): Promise<boolean> {
    const began = performance.now();
    try {
      this.#held = await this.#tryToTake(seen, signal);
      if (this.#held === undefined) return false;
      this.#renewing = this.#keep(began);
      return true;
    } catch (error) {
      // A conflict is somebody who was faster: the next look tells who.
      if (!signal.aborted && !isStatus(error, 409)) this.#wait(error instanceof Error ? error.message : String(error), 'warn');
      return false;
    }
  }

  /** Undefined: somebody else holds it. `seen` remembers since when it is unchanged: clocks of two machines are not compared. */
  async #tryToTake(seen: Seen, signal: AbortSignal): Promise<V1Lease | undefined> {
    const { holder, client } = this.#options;
    const found = await this.#get(signal);
    if (found === undefined) {
      const { name, namespace } = this.#options;
      const body = { metadata: { name, namespace }, spec: this.#spec({}) };
      const create = (options: CallOptions): Promise<V1Lease> => client.coordination.createNamespacedLease({ namespace, body }, options);
      return client.ask('create', this.#place, create, signal);
    }
    const { spec = {}, metadata } = found;
    const other = spec.holderIdentity ?? '';
    const version = metadata?.resourceVersion ?? '';
    if (seen.version !== version) Object.assign(seen, { version, at: performance.now() });
    const lasts = (spec.leaseDurationSeconds ?? this.#durationMs / 1000) * 1000;
    if (other !== '' && other !== holder && performance.now() - seen.at < lasts) {
      this.#wait(`${JSON.stringify(other)} holds it`, 'info');
      return undefined;
    }
    // 409 when somebody else was faster: the caller looks again.
    return this.#write({ ...found, spec: this.#spec(spec) }, signal);
  }

  /** Until stopped or lost. `renewed`: when the request of the last success was sent. */
  async #keep(renewed: number): Promise<void> {
    let last = renewed;
    // A third is left between the last moment of one holder and the first of the next.
    const deadline = (this.#durationMs * 2) / 3;
    let failure: unknown;
    while (!this.#stopped.signal.aborted) {
      const left = last + deadline - performance.now();
      if (left <= 0) return this.#lose(`it could not be renewed for ${deadline / 1000} s`, failure);
      const pause = failure === undefined ? this.#renewMs : this.#renewMs / 5;
      await delay(Math.min(pause, left), undefined, { signal: this.#stopped.signal }).catch(() => undefined);
      if (this.#stopped.signal.aborted) return;
      const began = performance.now();
      try {
        // A connection may be half open: there must be time for another try, and an answer after the deadline is no renewal.
        const timeoutMs = Math.max(1, Math.ceil(Math.min(this.#renewMs / 2, last + deadline - began)));
        const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(timeoutMs)]);
        const taken = await this.#renew(signal);
        if (taken !== undefined) return this.#lose(taken);
        last = began;
        failure = undefined;
      } catch (error) {
        failure = error;
      }
    }
  }

  /** Undefined when it is renewed, else why it is lost. */
  async #renew(signal: AbortSignal): Promise<string | undefined> {
    const held = this.#held;
    try {
      if (held !== undefined) this.#held = await this.#write({ ...held, spec: { ...held.spec, renewTime: new V1MicroTime() } }, signal);
      return undefined;
    } catch (error) {
      if (!isStatus(error, 409) && !isStatus(error, 404)) throw error;
      const found = await this.#get(signal);
      if (found === undefined) return 'somebody deleted it';
      if (found.spec?.holderIdentity !== this.#options.holder) return `${JSON.stringify(found.spec?.holderIdentity ?? '')} took it over`;
      // Somebody edited it: ours still, by a version that we did not know.
      this.#held = await this.#write({ ...found, spec: this.#spec(found.spec) }, signal);
      return undefined;
    }
  }

  #lose(why: string, cause?: unknown): void {
    const { name, log } = this.#options;
    const error = new ConvoyError(
      'Unavailable',
      `the lease ${JSON.stringify(name)} is lost: ${why}; this controller ends, the next one takes over`,
      {
        cause,
      },
    );
    this.#waitsFor = why;
    this.#held = undefined;
    log.error({ error }, 'the lease is lost');
    this.#lost.abort(error);
  }

  #spec(old: V1LeaseSpec): V1LeaseSpec {
    const { holder } = this.#options;
    const mine = old.holderIdentity === holder;
    return {
      ...old,
      holderIdentity: holder,
      leaseDurationSeconds: Math.max(1, Math.ceil(this.#durationMs / 1000)),
      acquireTime: mine ? (old.acquireTime ?? new V1MicroTime()) : new V1MicroTime(),
      renewTime: new V1MicroTime(),
      leaseTransitions: (old.leaseTransitions ?? 0) + (mine ? 0 : 1),
    };
  }

  /** Logged when the reason changes, not with every look. */
  #wait(why: string, level: 'info' | 'warn'): void {
    if (this.#waitsFor !== why) this.#options.log[level]({ lease: this.#options.name, why }, 'waits for the lease');
    this.#waitsFor = why;
  }

  async #get(signal?: AbortSignal): Promise<V1Lease | undefined> {
    const { client } = this.#options;
    try {
      return await client.ask('get', this.#place, (options) => client.coordination.readNamespacedLease(this.#place, options), signal);
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  #write(body: V1Lease, signal?: AbortSignal): Promise<V1Lease> {
    const { client } = this.#options;
    const replace = (options: CallOptions): Promise<V1Lease> =>
      client.coordination.replaceNamespacedLease({ ...this.#place, body }, options);
    return client.ask('update', this.#place, replace, signal);
  }
}
