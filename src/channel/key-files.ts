import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConvoyError } from '../convoy/errors.ts';
import type { ClientIdentity } from './api.ts';
import type { KeyPair } from './certificates.ts';
import { isFor, readCertificates } from './pem.ts';

/** Certificates from files, where no Kubernetes attests who is who. Read anew each time, so that a renewal needs no restart. */

export interface KeyFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Throws Unavailable for a file that is not there, Precondition for one that is no use for `purpose`. */
export async function readKeyFiles(
  { certificateFile, keyFile }: KeyFiles,
  purpose: 'server' | 'client',
): Promise<KeyPair & { readonly leaf: X509Certificate }> {
  const [certificate, key] = await Promise.all([readPem(certificateFile), readPem(keyFile)]);
  const [leaf] = readCertificates(certificateFile, certificate);
  if (leaf === undefined) throw new ConvoyError('Precondition', `${certificateFile} holds no certificate: write one, as PEM`);
  if (!leaf.checkPrivateKey(parseKey(keyFile, key)))
    throw new ConvoyError('Precondition', `the key in ${keyFile} is not that of the certificate in ${certificateFile}: replace both`);
  if (!isFor(leaf, purpose))
    throw new ConvoyError(
      'Precondition',
      `the certificate in ${certificateFile} is not made for a TLS ${purpose}: its extended key usage must have ${purpose}Auth`,
    );
  return { certificate, key, leaf };
}

/** The controller's own certificate and the authority of the agents', outside Kubernetes. */
export function fileClientIdentity(files: KeyFiles & { readonly agentCaFile: string }): ClientIdentity {
  return {
    current: async () => {
      const { certificate, key } = await readKeyFiles(files, 'client');
      const agentAuthority = await readPem(files.agentCaFile);
      if (readCertificates(files.agentCaFile, agentAuthority).length === 0)
        throw new ConvoyError('Precondition', `${files.agentCaFile} holds no certificate: write that of the agents' authority, as PEM`);
      return { certificate, key, agentAuthority };
    },
  };
}

export async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConvoyError('Unavailable', `${path} cannot be read: ${reason}`, { cause });
  }
}

/** Never with the cause: what OpenSSL says of a key may quote it. */
function parseKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new ConvoyError('Precondition', `${path} holds no private key that can be read: write it as PEM, without a passphrase`);
  }
}
