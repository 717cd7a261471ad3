import { setTimeout as delay } from 'node:timers/promises';
import type { V1ConfigMap, V1Secret } from '@kubernetes/client-node/dist/api.js';
import type { ClientIdentity } from '../channel/api.ts';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import type { Log } from '../observe/log.ts';
import { isStatus, type NamedPlace } from './api-error.ts';
import type { CallOptions, KubeClient } from './client.ts';
import {
  advance,
  certificatesOf,
  formatState,
  type IdentityState,
  type KeyPair,
  type MakeClientCertificate,
  parseState,
} from './identity-state.ts';

export interface ControllerIdentityOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Name of the Secret with the keys. */
  readonly secret: string;
  /** Name of the ConfigMap that agents mount. */
  readonly configMap: string;
  readonly makeCertificate: MakeClientCertificate;
  readonly log: Log;
  readonly lifetimeMs?: number;
  /** More than the kubelet takes to refresh a mounted ConfigMap (about 2 minutes). */
  readonly overlapMs?: number;
  readonly now?: () => number;
}

/** Key of the ConfigMap. */
export const CERTIFICATE_KEY = 'controller.crt';
const DAY_MS = 86_400_000;
const LOOK_MS = 60_000;
const RETRY_MS = { first: 500, last: 15_000 } as const;
const TRIES = 10;

/**
 * The controller's key and certificate: made at the first start, rotated with overlap. The Secret is the truth and the
 * ConfigMap follows from it, so a crash between the two writes is mended by the next look.
 *
 * Two controllers at once do no harm: each reads the ConfigMap first and the Secret after it, and writes each only over the
 * version that it has read. So a ConfigMap is never written from a Secret that is older than the ConfigMap itself, and a certificate
 * that somebody counts as trusted is never taken out by somebody who has not heard of it.
 */
export class ControllerIdentity implements ClientIdentity {
  readonly #options: ControllerIdentityOptions;
  readonly #secretPlace: NamedPlace;
  readonly #configMapPlace: NamedPlace;
  readonly #stopped = new AbortController();
  #pair: KeyPair | undefined;
  #failure: unknown;
  #running: Promise<void> | undefined;
  readonly #made = Promise.withResolvers<void>();

  constructor(options: ControllerIdentityOptions) {
    this.#options = options;
    const { namespace, secret, configMap } = options;
    this.#secretPlace = { api: 'v1', resource: 'secrets', namespace, name: secret };
    this.#configMapPlace = { api: 'v1', resource: 'configmaps', namespace, name: configMap };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** Resolves once there is a certificate to show. Throws Cancelled when `signal` aborts. */
  async made(signal: AbortSignal): Promise<void> {
    const given = new ConvoyError('Cancelled', "waiting for the controller's certificate was given up");
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(given);
    const either = AbortSignal.any([signal, this.#stopped.signal]);
    either.addEventListener('abort', abort);
    if (either.aborted) abort();
    try {
      await Promise.race([this.#made.promise, aborted.promise]);
    } finally {
      either.removeEventListener('abort', abort);
    }
  }

  async current(): Promise<KeyPair> {
    if (this.#pair !== undefined) return this.#pair;
    throw new ConvoyError('Unavailable', this.problem() ?? 'the controller has no certificate yet', { cause: this.#failure });
  }

  /** Reason against being ready. */
  problem(): string | undefined {
    if (this.#pair !== undefined) return undefined;
    return `the controller has no certificate yet: ${this.#failure instanceof Error ? this.#failure.message : 'the API server was not asked yet'}`;
  }

  /** One look: makes, rotates and publishes what is due. Throws when it could not. */
  async look(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        this.#pair = (await this.#reconcile()).current;
        this.#made.resolve();
        return;
      } catch (error) {
        // Somebody else wrote in between: what they wrote counts.
        if (!isStatus(error, 409) || tries === TRIES) throw error;
        await delay(Math.random() * 100 * tries, undefined, { signal: this.#stopped.signal });
      }
    }
  }

  /** The order of reads matters (see the class). Writes: the key must be durable before anybody trusts its certificate. */
  async #reconcile(): Promise<IdentityState> {
    const { makeCertificate: make, lifetimeMs = 90 * DAY_MS, overlapMs = 600_000, now = Date.now, log } = this.#options;
    const configMap = await this.#readConfigMap();
    const secret = await this.#readSecret();
    const trusted = configMap.data?.[CERTIFICATE_KEY] ?? '';
    const state = parseState(decode(secret.data ?? {}), log);
    const wanted = await advance(state, { make, lifetimeMs, overlapMs, now: now(), trusted, log });
    if (wanted !== state) {
      await this.#writeSecret({ ...secret, data: encode(secret.data, wanted) });
      log.info(summary(wanted), "the controller's identity moved on");
    }
    const certificates = certificatesOf(wanted);
    if (certificates !== trusted) {
      await this.#writeConfigMap({ ...configMap, data: { ...configMap.data, [CERTIFICATE_KEY]: certificates } });
      log.info(summary(wanted), 'agents are told which certificates of the controller to trust');
    }
    return wanted;
  }

  #readConfigMap(): Promise<V1ConfigMap> {
    const { core } = this.#options.client;
    return this.#read('ConfigMap', this.#configMapPlace, (options) => core.readNamespacedConfigMap(this.#configMapPlace, options));
  }

  #readSecret(): Promise<V1Secret> {
    const { core } = this.#options.client;
    return this.#read('Secret', this.#secretPlace, (options) => core.readNamespacedSecret(this.#secretPlace, options));
  }

  async #writeConfigMap(body: V1ConfigMap): Promise<void> {
    const { client } = this.#options;
    await client.ask('update', this.#configMapPlace, (options) =>
      client.core.replaceNamespacedConfigMap({ ...this.#configMapPlace, body }, options),
    );
  }

  async #writeSecret(body: V1Secret): Promise<void> {
    const { client } = this.#options;
    await client.ask('update', this.#secretPlace, (options) =>
      client.core.replaceNamespacedSecret({ ...this.#secretPlace, body }, options),
    );
  }

  async #read<T>(kind: string, place: NamedPlace, call: (options: CallOptions) => Promise<T>): Promise<T> {
    try {
      return await this.#options.client.ask('get', place, call, this.#stopped.signal);
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
      throw new ConvoyError(
        'Unavailable',
        `${kind} ${JSON.stringify(place.name)} (namespace ${JSON.stringify(place.namespace)}) does not exist: the chart makes it, empty, for the controller to fill ("helm upgrade" makes it anew)`,
        { cause: error },
      );
    }
  }

  async #run(): Promise<void> {
    let retryMs: number = RETRY_MS.first;
    while (!this.#stopped.signal.aborted) {
      let waitMs = LOOK_MS;
      try {
        await this.look();
        retryMs = RETRY_MS.first;
        this.#failure = undefined;
      } catch (error) {
        this.#report(error);
        waitMs = retryMs;
        retryMs = Math.min(retryMs * 2, RETRY_MS.last);
      }
      // Rejects when it is stopped, which ends the loop.
      await delay(waitMs, undefined, { signal: this.#stopped.signal, ref: false }).catch(() => undefined);
    }
  }

  #report(error: unknown): void {
    if (this.#stopped.signal.aborted) return;
    const known = this.#failure instanceof Error && error instanceof Error && this.#failure.message === error.message;
    this.#failure = error;
    if (known) return;
    const level = isConvoyError(error, 'Unavailable') ? 'warn' : 'error';
    this.#options.log[level]({ error }, "the controller's certificate could not be looked after; the one in use stays");
  }
}

type Data = Readonly<Record<string, string>>;
const decode = (data: Data): Data =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));

/** Keys that are not of the state stay as they are. */
function encode(data: Data | undefined, state: IdentityState): Record<string, string> {
  const own = Object.entries(formatState(state)).map(
    ([key, value]) => [key, value === undefined ? value : Buffer.from(value).toString('base64')] as const,
  );
  return Object.fromEntries(
    Object.entries({ ...data, ...Object.fromEntries(own) }).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

const summary = ({ next, previous }: IdentityState): Readonly<Record<string, unknown>> => ({
  next: next === undefined ? 'none' : next.trustedSince === undefined ? 'made' : 'trusted',
  previous: previous === undefined ? 'none' : 'still trusted',
});
