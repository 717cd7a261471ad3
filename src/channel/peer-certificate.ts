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

/**
 * A bare TLS 1.3 handshake; nothing but it is sent. `check` sees the certificate at once. Throws what `check` throws,
 * UnreachableError, or RefusedError.
 */
export function lookAt(
  address: AgentAddress,
  secureContext: SecureContext,
  check: (look: FirstLook) => void,
  signal: AbortSignal,
): Promise<FirstLook> {
  const who = describe(address);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new UnreachableError(`${who} was not connected to: there was no time left`));
    let stage: Stage = 'connecting';
    const socket = connect({
      host: address.host,
      port: address.port,
      secureContext,
      // Judged by `check`. This is where the certificate is learned that the channel will trust.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      servername: nodeKey(address.nodeName),
      ALPNProtocols: ['h2'],
    });
    const abort = (): void => void socket.destroy(new UnreachableError(`${who} ${LATE[stage]}`));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      stage = 'shaking';
    });
    socket.once('secureConnect', () => {
      stage = 'judged';
      try {
        const look = firstLook(who, socket);
        check(look);
        // HTTP/2 has the server speak: it has judged our certificate by then, which in TLS 1.3 is after our handshake.
        socket.once('data', () => {
          resolve(look);
          socket.end();
          setTimeout(() => socket.destroy(), LINGER_MS).unref();
        });
      } catch (error) {
        reject(error instanceof Error ? error : failure(who, stage));
        socket.destroy();
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => reject(error instanceof UnreachableError ? error : failure(who, stage, error)));
    socket.once('close', () => {
      signal.removeEventListener('abort', abort);
      reject(failure(who, stage));
    });
  });
}

/** Where a first look has got to. `judged`: it is for the agent to accept our certificate. */
type Stage = 'connecting' | 'shaking' | 'judged';

const LATE: Readonly<Record<Stage, string>> = {
  connecting: 'did not answer in time: check that the node is up and that the network lets the controller through',
  shaking: 'did not finish the TLS handshake in time: it is overloaded, or it is no agent',
  judged: 'said nothing after the TLS handshake: it is overloaded, or it is no agent',
};

/** Whatever the agent does with the goodbye. */
const LINGER_MS = 2_000;

function failure(who: string, stage: Stage, cause?: NodeJS.ErrnoException): Error {
  const reason = cause === undefined ? 'closed' : (cause.code ?? cause.message);
  if (stage === 'connecting')
    return new UnreachableError(
      `${who} cannot be connected to (${cause?.message ?? reason}): check that its pod runs and that the network lets the controller through`,
      { cause },
    );
  if (stage === 'shaking')
    return new RefusedError(
      'handshake',
      `${who} broke off the TLS 1.3 handshake (${reason}): it has no certificate of the controller yet (see its readiness), or it is no agent`,
      { cause },
    );
  return new RefusedError(
    'untrusted_certificate',
    `${who} closed the connection once it had seen the controller's certificate (${reason}): it does not trust it, or not yet; its log says why`,
    { cause },
  );
}

function firstLook(who: string, socket: TLSSocket): FirstLook {
  const certificate = socket.getPeerX509Certificate();
  const ip = socket.remoteAddress;
  if (certificate === undefined) throw new RefusedError('no_certificate', `${who} showed no certificate, so that it is no agent`);
  if (ip === undefined) throw new UnreachableError(`the connection to ${who} was lost in the TLS handshake`);
  return { certificate, ip, authorizationError: socket.authorized ? undefined : String(socket.authorizationError) };
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

/** Where a token says who it is: the channel trusts the certificate as it is, and nobody else's word. Throws RefusedError. */
export function checkSelfMade(address: AgentAddress, { certificate }: FirstLook): void {
  if (certificate.verify(certificate.publicKey)) return;
  throw new RefusedError(
    'untrusted_certificate',
    `the certificate of ${describe(address)} was issued by somebody else (${certificate.issuer.slice(0, 200)}); an agent makes its own`,
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
