import { constants } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, createSecureContext, createServer, type TlsOptions } from 'node:tls';
import { Client, credentials, Metadata, type MethodDefinition, Server, ServerCredentials, type ServiceError, status } from '@grpc/grpc-js';
import { type AgentAddress, NODE_METADATA } from '../../../src/channel/api.ts';
import type { KeyPair } from '../../../src/channel/certificates.ts';
import { agentDefinition } from '../../../src/channel/definitions.ts';
import { csiDefinitions } from '../../../src/csi/definitions.ts';
import { KEY, NODE, type Scene, TOKEN } from './rig.ts';

/** Other ends than ours: what an attacker has, made of grpc-js and OpenSSL alone. */

const METHODS: Readonly<Record<string, MethodDefinition<object, object>>> = {
  ...csiDefinitions.Identity,
  ...csiDefinitions.Controller,
  ...csiDefinitions.Node,
  ...agentDefinition(),
};

export interface RogueAgent {
  readonly address: string;
  /** Every RPC that reached it. */
  readonly calls: string[];
  /** From the next handshake on. */
  show(pair: KeyPair): void;
  stop(): Promise<void>;
}

export interface RogueOptions {
  /** Default: loopback. */
  readonly host?: string;
  readonly port?: number;
  readonly token?: string;
  readonly nodeName?: string;
  readonly tls?: TlsOptions;
  /** After each handshake. */
  readonly shaken?: () => void;
}

/** Serves every RPC to everybody, and writes down what it is asked. */
export async function startRogue(scene: Scene, pair: KeyPair, options: RogueOptions = {}): Promise<RogueAgent> {
  const calls: string[] = [];
  const server = new Server({ 'grpc.enable_channelz': 0 });
  for (const [name, { path, responseSerialize, requestDeserialize }] of Object.entries(METHODS)) {
    const answer = name === 'Attest' ? { token: options.token ?? TOKEN, nodeName: options.nodeName ?? NODE } : {};
    server.register(
      path,
      (_call: unknown, done: (error: null, answer: object) => void) => {
        calls.push(name);
        done(null, answer);
      },
      responseSerialize,
      requestDeserialize,
      'unary',
    );
  }
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const { key, certificate: cert } = pair;
  const tls = createServer({ key, cert, ALPNProtocols: ['h2'], requestCert: true, rejectUnauthorized: false, ...options.tls });
  const sockets = new Set<{ destroy(): unknown }>();
  tls.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    injector.injectConnection(socket);
    options.shaken?.();
  });
  await new Promise<void>((resolve) => tls.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => tls.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
    server.forceShutdown();
  };
  scene.later(stop);
  return {
    address: `${options.host ?? '127.0.0.1'}:${(tls.address() as AddressInfo).port}`,
    calls,
    show: (other) => tls.setSecureContext({ key: other.key, cert: other.certificate }),
    stop,
  };
}

/** Any RPC of any service, by its name or as a path that may be made up, over a channel that trusts whatever the agent shows; `undefined` shows no certificate. */
export async function callAs(
  address: AgentAddress,
  own: KeyPair | undefined,
  rpcs: readonly (readonly [rpc: string, request: object])[],
  node: string | undefined = KEY,
): Promise<readonly { readonly code: string; readonly details: string; readonly metadata: Metadata }[]> {
  const client = new Client(`ipv4:${address.host}:${address.port}`, trustful(await shownBy(address, own), own), {
    'grpc.ssl_target_name_override': 'agent',
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
  });
  const metadata = new Metadata();
  if (node !== undefined) metadata.set(NODE_METADATA, node);
  const results = [];
  try {
    for (const [rpc, request] of rpcs) results.push(await callOne(client, metadata, rpc, request));
  } finally {
    client.close();
  }
  return results;
}

function callOne(
  client: Client,
  metadata: Metadata,
  rpc: string,
  request: object,
): Promise<{ readonly code: string; readonly details: string; readonly metadata: Metadata }> {
  const method = METHODS[rpc];
  const { path, requestSerialize, responseDeserialize } = method ?? {
    path: rpc,
    requestSerialize: () => Buffer.alloc(0),
    responseDeserialize: () => ({}),
  };
  const options = { deadline: Date.now() + 10_000 };
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, (error: ServiceError | null) =>
      resolve({
        code: status[error?.code ?? status.OK],
        details: error?.details ?? '',
        metadata: error?.metadata ?? new Metadata(),
      }),
    );
  });
}

function trustful(authority: string, own: KeyPair | undefined): ReturnType<typeof credentials.createFromSecureContext> {
  const identity = own === undefined ? {} : { key: own.key, cert: own.certificate };
  return credentials.createFromSecureContext(createSecureContext({ ca: authority, ...identity }), { checkServerIdentity: () => undefined });
}

/** PEM of the certificate that answers there. */
export async function shownBy(address: AgentAddress, own: KeyPair | undefined): Promise<string> {
  const { certificate } = await handshake(address, own === undefined ? {} : shows(own));
  return certificate;
}

export interface Handshake {
  /** Empty when the handshake failed. */
  readonly certificate: string;
  readonly error: string;
  readonly reused: boolean;
  readonly session: Buffer | undefined;
}

/** A handshake of any kind; ends when the agent has closed the connection, or soon after its last word. */
export function handshake(address: AgentAddress, options: ConnectionOptions): Promise<Handshake> {
  let certificate = '';
  let error = '';
  let session: Buffer | undefined;
  let reused = false;
  return new Promise((resolve) => {
    const socket = connect({ host: address.host, port: address.port, rejectUnauthorized: false, ALPNProtocols: ['h2'], ...options }, () => {
      certificate = socket.getPeerX509Certificate()?.toString() ?? '';
      reused = socket.isSessionReused();
    });
    socket.on('session', (offered) => {
      session = offered;
    });
    socket.on('error', (failure: NodeJS.ErrnoException) => {
      error = failure.code ?? failure.message;
    });
    socket.setTimeout(200, () => socket.end());
    socket.once('close', () => resolve({ certificate, error, reused, session }));
    socket.resume();
  });
}

export const TLS_1_2: ConnectionOptions = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET };
export const shows = ({ key, certificate }: KeyPair): ConnectionOptions => ({ key, cert: certificate });
