import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** As `agent` and `controller` of the config file take them. */
export interface KeyPairFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate authority of openssl's, as an admin outside Kubernetes would run one. */
export class TestAuthority {
  readonly caFile: string;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.caFile = join(directory, 'ca.crt');
    mkdirSync(directory, { recursive: true });
    openssl('req', '-x509', ...KEY, '-keyout', this.#path('ca.key'), '-out', this.caFile, '-days', '2', '-subj', '/CN=test authority');
  }

  /** `days`: how long it is valid; negative = it has expired. `file`: it is written there, where that is not the name. */
  sign(name: string, purpose: 'server' | 'client', { days = 2, file = name }: { days?: number; file?: string } = {}): KeyPairFiles {
    const files = this.filesOf(file);
    const [request, extensions] = [this.#path(`${file}.csr`), this.#path(`${file}.ext`)];
    openssl('req', ...KEY, '-keyout', files.keyFile, '-out', request, '-subj', `/CN=${name}`);
    writeFileSync(extensions, `extendedKeyUsage=${purpose}Auth\nsubjectAltName=DNS:${name}\n`);
    const ca = ['-CA', this.caFile, '-CAkey', this.#path('ca.key')];
    openssl('x509', '-req', '-in', request, ...ca, '-days', String(days), '-extfile', extensions, '-out', files.certificateFile);
    return files;
  }

  filesOf(file: string): KeyPairFiles {
    return { certificateFile: this.#path(`${file}.crt`), keyFile: this.#path(`${file}.key`) };
  }

  /** Whom nobody here trusts. */
  another(name: string): TestAuthority {
    return new TestAuthority(this.#path(name));
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
