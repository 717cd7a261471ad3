import { X509Certificate } from 'node:crypto';
import { ConvoyError } from '../convoy/errors.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, which may hold comments between them. InvalidArgument names `what`. */
export function readCertificates(what: string, pem: string): readonly X509Certificate[] {
  return (pem.match(BLOCK) ?? []).map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new ConvoyError('InvalidArgument', `certificate ${index + 1} of ${what} is damaged: write the file anew, as PEM`, { cause });
    }
  });
}

/** Whether one of `trusted` is this certificate, or has signed it. */
export const vouchedFor = (certificate: X509Certificate, trusted: readonly X509Certificate[]): boolean =>
  trusted.some(
    (each) =>
      each.fingerprint256 === certificate.fingerprint256 ||
      (each.ca && certificate.checkIssued(each) && certificate.verify(each.publicKey)),
  );

const PURPOSE = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

/** Whether its extended key usage allows to be this end of a connection; one without the extension is for everything. */
export function isFor(certificate: X509Certificate, purpose: keyof typeof PURPOSE): boolean {
  // Undefined without the extension, which the types do not say.
  const usages = certificate.keyUsage as readonly string[] | undefined;
  return usages === undefined || usages.includes(PURPOSE[purpose]);
}

/** Why it cannot be used at this time; undefined = it can. Clocks are named: they are the usual reason. */
export function whyNotNow(certificate: Pick<X509Certificate, 'validFromDate' | 'validToDate'>, now: number): string | undefined {
  const here = new Date(now).toISOString();
  if (now < certificate.validFromDate.getTime())
    return `is not valid before ${certificate.validFromDate.toISOString()} and it is ${here} here: one of the two clocks is wrong, check NTP on both`;
  if (now > certificate.validToDate.getTime())
    return `has expired at ${certificate.validToDate.toISOString()} and it is ${here} here: renew it, or mend the clock that is wrong (NTP)`;
  return undefined;
}
