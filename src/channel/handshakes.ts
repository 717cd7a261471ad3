import { constants, type X509Certificate } from 'node:crypto';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type SecureContextOptions, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Refusal } from './api.ts';
import type { KeyPair } from './certificates.ts';
import { hostOf } from './gate.ts';
import type { Refusals } from './refusals.ts';

const HANDSHAKE_MS = 10_000;
/** Handshakes and connections together. */
const MAX_SOCKETS = 64;
/** Of one address: it cannot keep the others from their turn. */
const MAX_HANDSHAKES_EACH = 8;

const TLS_1_3 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const satisfies SecureContextOptions;

export interface HandshakesOptions {
  readonly refusals: Refusals;
  /** Who is at the other end is proven. */
  readonly accepted: (socket: TLSSocket, certificate: X509Certificate) => void;
}

interface Handshake {
  readonly host: string;
  readonly socket: Socket;
  /** Of the trust that it began with. */
  readonly generation: number;
  /** What OpenSSL said before the socket was gone. */
  error?: Error;
}

/**
 * Accepts connections and makes the handshake: TLS 1.3, a client certificate that is trusted and made for clients. The rest
 * is refused, by reason. Handshakes are made by a tls.Server that does not listen itself, so that while nobody is trusted no
 * handshake begins: a tls.Server without authorities would trust the world's.
 */
export class Handshakes {
  readonly listener: NetServer;
  readonly #options: HandshakesOptions;
  readonly #tls: TlsServer;
  /** By remote address and port. */
  readonly #running = new Map<string, Handshake>();
  #generation = 0;
  #ready = false;

  constructor(options: HandshakesOptions) {
    this.#options = options;
    this.#tls = createTlsServer({
      ...TLS_1_3,
      ALPNProtocols: ['h2'],
      requestCert: true,
      // Checked below, where address and certificate can still be told.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
    });
    this.#tls.on('secureConnection', (socket) => this.#judge(socket));
    this.#tls.on('tlsClientError', (error, socket) => this.#note(error, socket));
    this.listener = createServer((socket) => this.#begin(socket));
    this.listener.maxConnections = MAX_SOCKETS;
  }

  /** From now on, for handshakes that begin. Throws what OpenSSL says of a certificate that is no use. */
  use(own: KeyPair, trusted: readonly X509Certificate[]): void {
    this.pause();
    this.#generation += 1;
    if (trusted.length === 0) return;
    this.#tls.setSecureContext({
      ...TLS_1_3,
      key: own.key,
      cert: own.certificate,
      ca: trusted.map((each) => each.toString()),
      // A session that was resumed would outlive its certificate's trust.
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
    this.#ready = true;
  }

  /** No handshake begins until `use` is called again. */
  pause(): void {
    this.#ready = false;
  }

  /** Also ends the handshakes that are going on. */
  close(): void {
    this.pause();
    this.listener.close();
    const begun = [...this.#running.values()];
    this.#running.clear();
    for (const { socket } of begun) socket.destroy();
  }

  #begin(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) return void socket.destroy();
    const host = hostOf(`${remoteAddress}:${remotePort}`);
    const others = [...this.#running.values()].filter((each) => each.host === host);
    if (!this.#ready || others.length >= MAX_HANDSHAKES_EACH) return void socket.destroy();
    const peer = `${remoteAddress}:${remotePort}`;
    this.#running.set(peer, { host, socket, generation: this.#generation });
    // Reported here if it is cut off: by then the TLS socket does not know its address any more.
    socket.once('close', () => {
      const handshake = this.#running.get(peer);
      this.#running.delete(peer);
      if (handshake !== undefined) this.#refuseHandshake(handshake);
    });
    this.#tls.emit('connection', socket);
  }

  #note(error: Error, { remoteAddress, remotePort }: TLSSocket): void {
    const handshake = this.#running.get(`${remoteAddress}:${remotePort}`);
    if (handshake !== undefined) handshake.error = error;
  }

  #refuseHandshake({ host, error }: Handshake): void {
    const reason = error === undefined ? 'it was cut off' : (/SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1] ?? error.message);
    this.#options.refusals.refuse('handshake', host, `a connection was refused in the TLS 1.3 handshake: ${reason}`);
  }

  #judge(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    const { remoteAddress, remotePort } = socket;
    const peer = `${remoteAddress}:${remotePort}`;
    const handshake = this.#running.get(peer);
    this.#running.delete(peer);
    const certificate = socket.getPeerX509Certificate();
    const refusal = refusalOf(socket, certificate);
    if (refusal === undefined && certificate !== undefined) {
      // The peer is gone, and with it its address; or it was judged by whom we trusted before.
      if (handshake?.generation !== this.#generation) socket.destroy();
      else this.#options.accepted(socket, certificate);
      return;
    }
    socket.destroy();
    const [reason, message] = refusal ?? NO_CERTIFICATE;
    this.#options.refusals.refuse(reason, handshake?.host ?? 'gone', `a connection was refused: ${message}`, subjectOf(certificate));
  }
}

const NO_CERTIFICATE = ['no_certificate', 'it showed no certificate: only the controller may connect'] as const;

function refusalOf(socket: TLSSocket, certificate: X509Certificate | undefined): readonly [Refusal, string] | undefined {
  if (certificate === undefined) return NO_CERTIFICATE;
  if (!socket.authorized) return ofAuthorization(String(socket.authorizationError));
  if (socket.alpnProtocol !== 'h2') return ['handshake', 'it did not ask for HTTP/2'];
  return undefined;
}

/** `code` as OpenSSL names it. */
function ofAuthorization(code: string): readonly [Refusal, string] {
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return [
      'expired_certificate',
      `its certificate is not valid now (${code}): the controller must renew it, or one of the two clocks is wrong (it is ${new Date().toISOString()} here)`,
    ];
  if (code === 'INVALID_PURPOSE') return ['untrusted_certificate', "its certificate is a server's, not a controller's"];
  return [
    'untrusted_certificate',
    `its certificate is not the controller's (${code}): the file of trusted ones does not hold it, or not yet, or it is somebody else`,
  ];
}

const subjectOf = (certificate: X509Certificate | undefined): Readonly<Record<string, string>> =>
  certificate === undefined ? {} : { subject: certificate.subject.slice(0, 200), fingerprint: certificate.fingerprint256 };
