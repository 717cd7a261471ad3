import type { X509Certificate } from 'node:crypto';
import { connect, type SecureContext, type TLSSocket } from 'node:tls';
import { nodeKey } from '../convoy/ids.ts';
import type { AgentAddress } from './api.ts';
import { RefusedError, UnreachableError } from './errors.ts';
import { namesNode } from './own-certificate.ts';
import { isFor, whyNotNow } from './pem.ts';

/** The first look at an agent: which certificate it shows, and where exactly. Nothing is asked, nothing is believed. */
export interface FirstLook {
  readonly certificate: X509Certificate;
  /** The IP address that was connected to: a name may resolve to another one the next time. */
  readonly ip: string;
  /** As OpenSSL names it, against the context's authorities; undefined = vouched for by one of them. */
  readonly authorizationError: string | undefined;
}

/** A bare TLS 1.3 handshake. Throws UnreachableError, or RefusedError `handshake`. */
export function lookAt(address: AgentAddress, secureContext: SecureContext, signal: AbortSignal): Promise<FirstLook> {
  const who = describe(address);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new UnreachableError(`${who} was not connected to: there was no time left`));
    let connected = false;
    const socket = connect({
      host: address.host,
      port: address.port,
      secureContext,
      // Looked at below. This is where the certificate is learned that the channel will trust.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      servername: nodeKey(address.nodeName),
      ALPNProtocols: ['h2'],
    });
    const abort = (): void => {
      const stage = connected ? 'did not finish the TLS handshake in time' : 'did not answer in time';
      socket.destroy(new UnreachableError(`${who} ${stage}: check that the node is up and that the network lets the controller through`));
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      connected = true;
    });
    socket.once('secureConnect', () => {
      const found = firstLook(socket);
      // With a goodbye: the agent then does not take it for one that was cut off.
      socket.end();
      if (found === undefined) reject(new RefusedError('no_certificate', `${who} showed no certificate, so that it is no agent`));
      else resolve(found);
    });
    // Also after it is settled: the agent may reset what it does not trust.
    socket.on('error', (error: NodeJS.ErrnoException) => reject(failure(who, error, connected)));
    socket.once('close', () => {
      signal.removeEventListener('abort', abort);
      reject(new RefusedError('handshake', `${who} closed the connection in the TLS handshake`));
    });
    // Whatever the agent does with the goodbye.
    socket.setTimeout(LINGER_MS, () => socket.destroy());
  });
}

const LINGER_MS = 15_000;

function firstLook(socket: TLSSocket): FirstLook | undefined {
  const certificate = socket.getPeerX509Certificate();
  const ip = socket.remoteAddress;
  if (certificate === undefined || ip === undefined) return undefined;
  return { certificate, ip, authorizationError: socket.authorized ? undefined : String(socket.authorizationError) };
}

function failure(who: string, error: NodeJS.ErrnoException, connected: boolean): Error {
  if (error instanceof UnreachableError) return error;
  if (!connected)
    return new UnreachableError(
      `${who} cannot be connected to (${error.message}): check that its pod runs and that the network lets the controller through`,
      {
        cause: error,
      },
    );
  return new RefusedError(
    'handshake',
    `${who} broke off the TLS 1.3 handshake (${error.code ?? error.message}): it has no certificate of the controller yet (see its readiness), or it is no agent`,
    { cause: error },
  );
}

/** What a certificate must be before anything is sent, whoever has made it. Throws RefusedError. */
export function checkCertificate(address: AgentAddress, { certificate }: FirstLook, now: number): void {
  const who = describe(address);
  const notNow = whyNotNow(certificate, now);
  if (notNow !== undefined) throw new RefusedError('expired_certificate', `the certificate of ${who} ${notNow}`);
  if (!isFor(certificate, 'server'))
    throw new RefusedError(
      'untrusted_certificate',
      `the certificate of ${who} is not a server's (its extended key usage lacks serverAuth)`,
    );
}

/** Where files say who is who: the agents' authority must vouch for it, and it must name the node. Throws RefusedError. */
export function checkNamed(address: AgentAddress, { certificate, authorizationError }: FirstLook): void {
  const who = describe(address);
  if (authorizationError !== undefined)
    throw new RefusedError(
      'untrusted_certificate',
      `the certificate of ${who} is not one of the agents' authority (${authorizationError}): check agentCaFile, and what answers there`,
    );
  if (!namesNode(certificate, address.nodeName))
    throw new RefusedError(
      'wrong_node',
      `the certificate of ${who} is for ${certificate.subjectAltName ?? 'no name'}; it must have DNS:${address.nodeName} or DNS:${nodeKey(address.nodeName)}`,
    );
}

export const describe = ({ nodeName, host, port }: AgentAddress): string =>
  `the agent of node ${nodeName} at ${host.includes(':') ? `[${host}]` : host}:${port}`;
