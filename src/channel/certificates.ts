import { isIP } from 'node:net';

/** A key and its certificate, both PEM. */
export interface KeyPair {
  readonly key: string;
  readonly certificate: string;
}

export interface CertificateRequest {
  /** `server`: an agent's. `client`: the controller's. Each is refused in the place of the other (extended key usage). */
  readonly purpose: 'server' | 'client';
  /** Common name, for people. */
  readonly subject: string;
  /** Names that it stands for; one that no DNS name can be is left out. */
  readonly names: readonly string[];
  /** Epoch milliseconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** RFC 5280: a common name has at most 64 characters. */
const COMMON_NAME_LENGTH = 64;
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/**
 * A self-signed certificate with a new P-256 key. The library behind it takes 20 MiB of memory and is loaded by the first
 * call: a node has it done by another process (certificate-child.ts).
 */
export async function makeCertificate(request: CertificateRequest): Promise<KeyPair> {
  // The library's decorators need it to be there first.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const names = request.names.filter((name) => DNS_NAME.test(name) && isIP(name) === 0);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    keys,
    name: [{ CN: [request.subject.slice(0, COMMON_NAME_LENGTH)] }],
    notBefore: new Date(request.notBefore),
    notAfter: new Date(request.notAfter),
    signingAlgorithm: ALGORITHM,
    extensions: [
      // It vouches for itself and for no other certificate.
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([request.purpose === 'server' ? serverAuth : clientAuth]),
      // By these OpenSSL tells it from an older one of the same name: in a rotation both are trusted.
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value })))]),
    ],
  });
  const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { key: x509.PemConverter.encode(key, 'PRIVATE KEY'), certificate: certificate.toString('pem') };
}
