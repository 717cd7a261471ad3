import type { X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Server } from '@grpc/grpc-js';
import { ConvoyError } from '../convoy/errors.ts';
import type { CsiLog } from '../csi/call-log.ts';
import type { Advertised } from '../csi/capabilities.ts';
import { type ControllerMethods, csiDefinitions, type IdentityMethods, type NodeMethods } from '../csi/definitions.ts';
import type { Rpcs } from '../csi/rpc.ts';
import { addCsiServices, type CsiMetrics, SERVER_OPTIONS } from '../csi/server.ts';
import type { AgentUseCases } from './agent-rpcs.ts';
import { addAgentService } from './agent-service.ts';
import { type AgentListener, FORWARDED, type Refusal } from './api.ts';
import { makeCertificateInChild } from './certificate-child.ts';
import type { KeyPair } from './certificates.ts';
import { Connections } from './connections.ts';
import { agentDefinition } from './definitions.ts';
import { hostOf, openGate } from './gate.ts';
import { Handshakes } from './handshakes.ts';
import { certificateFromFiles, type OwnCertificate, selfMadeCertificate } from './own-certificate.ts';
import { vouchedFor } from './pem.ts';
import { openRefusals } from './refusals.ts';
import { openTrustedFile, type TrustedFile } from './trust.ts';
import { unservedCalls } from './unserved-calls.ts';

export interface AgentListenerOptions extends Omit<AgentUseCases, 'tokenFile'> {
  readonly listen: { readonly host: string; readonly port: number };
  /** PEM of the client certificates that are trusted, or of their authority. */
  readonly controllerCertificateFile: string;
  readonly identity:
    | { readonly kind: 'token'; readonly tokenFile: string }
    | { readonly kind: 'files'; readonly certificateFile: string; readonly keyFile: string };
  /** The Controller service of this node's pools. Only what may be forwarded is served of it. */
  readonly controller: Rpcs<ControllerMethods>;
  readonly advertised: Advertised;
  readonly log: CsiLog;
  readonly metrics?: CsiMetrics;
  readonly refused: (reason: Refusal) => void;
}

/** What grpc-js takes for the server's limits. */
const LIMITS = {
  ...SERVER_OPTIONS,
  'grpc.max_concurrent_streams': 256,
  // Lists of a node with many volumes.
  'grpc.max_send_message_length': 16 * 1024 * 1024,
  // A controller whose network was cut: its calls are cancelled, and it calls again.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // A proof holds for an hour; this is for a controller that does not count.
  'grpc.max_connection_age_ms': 70 * 60_000,
  'grpc.max_connection_age_grace_ms': 10 * 60_000,
} as const;

/** How often files are read: the kubelet changes a mounted ConfigMap by swapping links, which no watch of the file shows. */
const REFRESH_MS = 3_000;
/** For the running calls of a controller whose certificate is not trusted any more. */
const RETIRED_GRACE_MS = 30_000;

/** Serves the controller by mutual TLS 1.3. Unavailable when the address cannot be listened on. */
export async function startAgentListener(options: AgentListenerOptions): Promise<AgentListener> {
  const listener = new Listener(options);
  await listener.start();
  return listener;
}

class Listener implements AgentListener {
  address = '';
  readonly #options: AgentListenerOptions;
  readonly #server = new Server(LIMITS);
  readonly #connections = new Connections(this.#server);
  readonly #handshakes: Handshakes;
  readonly #own: OwnCertificate;
  readonly #trusted: TrustedFile;
  readonly #idle: () => Promise<unknown>;
  readonly #unserved: ReturnType<typeof unservedCalls>;
  #used: { readonly own: KeyPair | undefined; readonly trusted: readonly X509Certificate[] } = { own: undefined, trusted: [] };
  #unusable: string | undefined;
  #refreshing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AgentListenerOptions) {
    const { pools, log, identity, advertised, controller, metrics } = options;
    this.#options = options;
    const refusals = openRefusals(log, options.refused);
    const gate = openGate(pools.nodeName, this.#connections, refusals);
    const agent = addAgentService(this.#server, {
      ...options,
      gate,
      tokenFile: identity.kind === 'token' ? identity.tokenFile : undefined,
    });
    const before: Parameters<typeof addCsiServices>[2]['before'] = (rpc, call) => void gate.check(rpc, call);
    const host = { advertised, log, before, tellCode: true, ...(metrics === undefined ? {} : { metrics }) };
    const csi = addCsiServices(this.#server, servedOf(controller), host);
    this.#idle = () => Promise.all([agent.idle(), csi.idle()]);
    const { Identity, Controller, Node } = csiDefinitions;
    this.#unserved = unservedCalls([agentDefinition(), Identity, Controller, Node], this.#connections, refusals);
    this.#handshakes = new Handshakes({ refusals, accepted: (socket, certificate) => this.#accept(socket, certificate) });
    this.#trusted = openTrustedFile(options.controllerCertificateFile);
    this.#own =
      identity.kind === 'files'
        ? certificateFromFiles(pools.nodeName, identity)
        : selfMadeCertificate(pools.nodeName, makeCertificateInChild);
  }

  async start(): Promise<void> {
    this.address = await this.#bind();
    this.#unserved.watch();
    await this.#refresh();
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS).unref();
  }

  problems(): readonly string[] {
    return [...this.#trusted.problems(), ...this.#own.problems(), ...(this.#unusable === undefined ? [] : [this.#unusable])];
  }

  async stop(graceMs: number): Promise<boolean> {
    clearInterval(this.#timer);
    this.#handshakes.close();
    this.#connections.drain(graceMs);
    const ended =
      (await within(Promise.all([this.#connections.closed(), this.#idle()]), graceMs)) ||
      (await within(this.#idle(), Math.max(graceMs, 1000)));
    this.#server.forceShutdown();
    this.#unserved.close();
    return ended;
  }

  #bind(): Promise<string> {
    const { host, port } = this.#options.listen;
    const { listener } = this.#handshakes;
    return new Promise((resolve, reject) => {
      listener.on('error', (cause) => {
        // Rejecting again says nothing: what comes later is told by the log.
        this.#options.log.warn({ error: cause }, 'the channel to the controller had trouble with its socket');
        reject(new ConvoyError('Unavailable', `cannot listen for the controller on ${host}:${port}: ${cause.message}`, { cause }));
      });
      // Without a host Node takes IPv4 alone where there is no IPv6.
      listener.listen({ port, ...(host === '::' ? {} : { host }) }, () => resolve(addressOf(listener.address() as AddressInfo)));
    });
  }

  /** One at a time: making a certificate may take longer than the interval. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#readAll()
      .catch((error: unknown) => this.#options.log.error({ error }, 'certificates of the channel could not be read'))
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  async #readAll(): Promise<void> {
    const [own, trusted] = await Promise.all([this.#own.current(), this.#trusted.current()]);
    if (own === this.#used.own && trusted === this.#used.trusted) return;
    this.#used = { own, trusted };
    this.#use(own, trusted);
    const { log } = this.#options;
    log.info(
      { trusted: trusted.map(({ fingerprint256 }) => fingerprint256) },
      'certificates of the channel to the controller have changed',
    );
    const retired = this.#connections.drain(RETIRED_GRACE_MS, (certificate) => vouchedFor(certificate, trusted));
    if (retired > 0) log.warn({ connections: retired }, 'connections of a controller whose certificate is not trusted any more are closed');
  }

  #use(own: KeyPair | undefined, trusted: readonly X509Certificate[]): void {
    this.#unusable = undefined;
    this.#handshakes.pause();
    if (own === undefined) return;
    try {
      this.#handshakes.use(own, trusted);
    } catch (error) {
      this.#unusable = `no controller is let in, as OpenSSL refuses a certificate: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  #accept(socket: TLSSocket, certificate: X509Certificate): void {
    if (this.#connections.add(socket, certificate)) return;
    this.#options.log.warn(
      { peer: hostOf(`${socket.remoteAddress}:0`) },
      'a connection was closed: there are too many, or it was gone at once',
    );
    socket.destroy();
  }
}

/** By an allow-list: what is not on it has no handler here that could run, and is refused by the gate before. */
function servedOf(controller: Rpcs<ControllerMethods>): Parameters<typeof addCsiServices>[1] {
  const none = (definition: object): Record<string, () => Promise<never>> =>
    Object.fromEntries(Object.keys(definition).map((rpc) => [rpc, () => Promise.reject(notServed(rpc))]));
  const forwarded = Object.fromEntries(FORWARDED.map((rpc) => [rpc, controller[rpc]]));
  return {
    identity: none(csiDefinitions.Identity) as unknown as Rpcs<IdentityMethods>,
    controller: { ...none(csiDefinitions.Controller), ...forwarded } as unknown as Rpcs<ControllerMethods>,
    node: none(csiDefinitions.Node) as unknown as Rpcs<NodeMethods>,
  };
}

const notServed = (rpc: string): ConvoyError => new ConvoyError('NotSupported', `${rpc} is not served over the network`);

const addressOf = ({ address, family, port }: AddressInfo): string => `${family === 'IPv6' ? `[${address}]` : address}:${port}`;

async function within(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), timeoutMs);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
