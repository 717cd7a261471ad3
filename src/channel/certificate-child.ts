// oxlint-disable-next-line no-restricted-imports -- no command of the host's: this very program, with another entry
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ConvoyError } from '../convoy/errors.ts';
import type { CertificateRequest, KeyPair } from './certificates.ts';

/** Some tenths of a second on a quiet machine; a node may be anything but quiet when its pods all start. */
const TIMEOUT_MS = 60_000;

/** makeCertificate in a process of its own, which takes its memory with it. Throws Unavailable. */
export async function makeCertificateInChild(request: CertificateRequest): Promise<KeyPair> {
  try {
    return JSON.parse(await run(JSON.stringify(request))) as KeyPair;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 300) : String(cause);
    throw new ConvoyError('Unavailable', `this agent's certificate could not be made, it will be tried again: ${reason}`, { cause });
  }
}

function run(input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [programPath()], { timeout: TIMEOUT_MS, env: {}, cwd: '/' }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(/^\w*Error: .*$/m.exec(stderr)?.[0] ?? error.message));
    });
    // A child that died before it read this is reported by its exit.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Beside this file as TypeScript, or beside the bundle as its own entry. */
const programPath = (): string =>
  fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './certificate-maker.ts' : './certificate-maker.mjs', import.meta.url));
