import type { X509Certificate } from 'node:crypto';
import { isConvoyError } from '../convoy/errors.ts';
import { readPem } from './key-files.ts';
import { readCertificates, whyNotNow } from './pem.ts';

/** Whom an agent listens to: the certificates in a file that the controller fills and rotates (in Kubernetes a ConfigMap). */
export interface TrustedFile {
  /** Asked every few seconds. The same array until the file holds others; empty = nobody is trusted. */
  current(): Promise<readonly X509Certificate[]>;
  problems(): readonly string[];
}

const NOBODY: readonly X509Certificate[] = [];

export function openTrustedFile(path: string, now: () => number = Date.now): TrustedFile {
  let text = '';
  let trusted = NOBODY;
  let failure: string | undefined;
  const read = async (): Promise<void> => {
    const found = await readPem(path);
    if (found === text) return;
    trusted = readCertificates(path, found);
    text = found;
  };
  return {
    current: async () => {
      try {
        await read();
        failure =
          trusted.length === 0
            ? `${path} holds no certificate of a controller yet, so that none is let in: the controller writes it when it starts`
            : undefined;
      } catch (error) {
        if (!isConvoyError(error)) throw error;
        // Nobody rather than somebody who may have been taken out of it.
        [text, trusted] = ['', NOBODY];
        failure = `no controller is let in: ${error.message}`;
      }
      return trusted;
    },
    problems: () => {
      if (failure !== undefined) return [failure];
      const reasons = trusted.map((certificate) => whyNotNow(certificate, now()));
      return reasons.every((reason) => reason !== undefined)
        ? reasons.map((reason) => `the controller's certificate in ${path} ${reason}`)
        : [];
    },
  };
}
