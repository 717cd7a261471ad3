import type { X509Certificate } from 'node:crypto';
import { isConvoyError } from '../convoy/errors.ts';
import { nodeKey } from '../convoy/ids.ts';
import type { CertificateRequest, KeyPair } from './certificates.ts';
import { type KeyFiles, readKeyFiles } from './key-files.ts';
import { whyNotNow } from './pem.ts';

/** The certificate that an agent shows. */
export interface OwnCertificate {
  /** Asked every few seconds. What it returns is the same object until there is another; undefined = none yet. */
  current(): Promise<KeyPair | undefined>;
  /** Reasons why the controller cannot accept it, or will not for long. */
  problems(): readonly string[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Before now: a controller's clock may be behind. */
const BACKDATED_MS = HOUR_MS;
const VALID_MS = 30 * DAY_MS;
/** A renewal that fails has ten days to be tried again. */
const RENEW_AFTER_MS = 20 * DAY_MS;
const RETRY_MS = 30_000;

/** Made by the agent for itself and kept in memory alone; whose it is, the controller learns by `Attest`. */
export function selfMadeCertificate(
  nodeName: string,
  make: (request: CertificateRequest) => Promise<KeyPair>,
  now: () => number = Date.now,
): OwnCertificate {
  let made: { readonly pair: KeyPair; readonly at: number } | undefined;
  let failed: { readonly reason: string; readonly at: number } | undefined;

  const renew = async (): Promise<void> => {
    const at = now();
    const names = [nodeKey(nodeName), nodeName];
    try {
      const subject = `convoy agent ${nodeKey(nodeName)}`;
      const pair = await make({ purpose: 'server', subject, names, notBefore: at - BACKDATED_MS, notAfter: at + VALID_MS });
      made = { pair, at };
      failed = undefined;
    } catch (error) {
      if (!isConvoyError(error)) throw error;
      failed = { reason: error.message, at };
    }
  };
  return {
    current: async () => {
      // A clock that was set back makes a certificate of the future as useless as an old one.
      const due = made === undefined || now() - made.at > RENEW_AFTER_MS || now() < made.at - BACKDATED_MS;
      if (due && (failed === undefined || Math.abs(now() - failed.at) > RETRY_MS)) await renew();
      return made?.pair;
    },
    problems: () => (failed === undefined ? [] : [failed.reason]),
  };
}

/** From files, where no Kubernetes attests the agent. A pair that is half replaced leaves the last good one in use. */
export function certificateFromFiles(nodeName: string, files: KeyFiles, now: () => number = Date.now): OwnCertificate {
  let read: { readonly pair: KeyPair; readonly leaf: X509Certificate } | undefined;
  let failure: string | undefined;
  return {
    current: async () => {
      try {
        const { leaf, key, certificate } = await readKeyFiles(files, 'server');
        failure = undefined;
        if (read?.pair.certificate !== certificate || read.pair.key !== key) read = { pair: { key, certificate }, leaf };
      } catch (error) {
        if (!isConvoyError(error)) throw error;
        failure = error.message;
      }
      return read?.pair;
    },
    problems: () => [
      ...(failure === undefined ? [] : [failure]),
      ...(read === undefined ? [] : leafProblems(nodeName, files.certificateFile, read.leaf, now())),
    ],
  };
}

function leafProblems(nodeName: string, file: string, leaf: X509Certificate, now: number): readonly string[] {
  const notNow = whyNotNow(leaf, now);
  return [
    ...(notNow === undefined ? [] : [`the certificate in ${file} ${notNow}`]),
    ...(namesNode(leaf, nodeName)
      ? []
      : [
          `the certificate in ${file} does not name this node: a subject alternative name must be DNS:${nodeName} or DNS:${nodeKey(nodeName)}`,
        ]),
  ];
}

/** By name, or by the key that stands for a name which no DNS name can be. Wildcards name nobody. */
export const namesNode = (certificate: X509Certificate, nodeName: string): boolean =>
  [nodeName, nodeKey(nodeName)].some((name) => certificate.checkHost(name, { subject: 'never', wildcards: false }) !== undefined);
