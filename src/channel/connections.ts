import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { type Server, ServerCredentials } from '@grpc/grpc-js';

/** One controller's connection, its certificate proven. */
export interface Connection {
  readonly certificate: X509Certificate;
  /** Whether `Attest` was answered on it: until then nothing else is. */
  attested: boolean;
}

type Injector = ReturnType<Server['createConnectionInjector']>;
interface Held extends Connection {
  readonly socket: TLSSocket;
  readonly injector: Injector;
}

/** One controller, another one that takes over, and a bare handshake before each connection. */
const MAX_CONNECTIONS = 32;

/** The connections that are let in, each handed to the gRPC server. */
export class Connections {
  readonly #server: Server;
  /** By what grpc-js calls the peer: a call does not tell its socket. */
  readonly #held = new Map<string, Held>();
  #waiting: (() => void)[] = [];

  constructor(server: Server) {
    this.#server = server;
  }

  /** False: there are too many, or the peer is gone already. */
  add(socket: TLSSocket, certificate: X509Certificate): boolean {
    const peer = peerOf(socket);
    if (peer === undefined || this.#held.has(peer) || this.#held.size >= MAX_CONNECTIONS) return false;
    // One for each, so that each can be drained by itself.
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#held.set(peer, { certificate, socket, injector, attested: false });
    socket.once('close', () => {
      this.#held.delete(peer);
      injector.destroy();
      if (this.#held.size === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    });
    injector.injectConnection(socket);
    return true;
  }

  /** `peer` as a call tells it. */
  find(peer: string): Connection | undefined {
    return this.#held.get(peer);
  }

  /** Whether a stream with this socket is of one of these connections, and not of another server in this process. */
  holds(socket: Pick<TLSSocket, 'remoteAddress' | 'remotePort' | 'localPort'>): boolean {
    const peer = peerOf(socket);
    return peer !== undefined && this.#held.get(peer)?.socket.localPort === socket.localPort;
  }

  /** Lets the running calls of those whose certificate is not kept end, for `graceMs`, then cuts them. Returns how many they are. */
  drain(graceMs: number, keep: (certificate: X509Certificate) => boolean = () => false): number {
    const gone = [...this.#held.values()].filter(({ certificate }) => !keep(certificate));
    for (const { injector, socket } of gone) {
      injector.drain(graceMs);
      // A peer that never spoke HTTP/2 has no session that could be drained.
      setTimeout(() => socket.destroy(), graceMs + CUT_AFTER_MS).unref();
    }
    return gone.length;
  }

  closed(): Promise<void> {
    return this.#held.size === 0 ? Promise.resolve() : new Promise((resolve) => void this.#waiting.push(resolve));
  }
}

const CUT_AFTER_MS = 1000;

/** As grpc-js' getPeer has it. */
const peerOf = ({ remoteAddress, remotePort }: Pick<TLSSocket, 'remoteAddress' | 'remotePort'>): string | undefined =>
  remoteAddress === undefined || remotePort === undefined ? undefined : `${remoteAddress}:${remotePort}`;
