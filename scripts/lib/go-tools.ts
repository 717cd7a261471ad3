import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';

const CACHE = join(import.meta.dirname, '../../.cache');
/** The Go module that pins what is built here. */
const MODULE = join(import.meta.dirname, '../../test/tools');
const CSI_TEST = 'github.com/kubernetes-csi/csi-test/v5';

/** Path of csi-sanity below .cache. Builds it when it is missing or older than what it is made of. Throws when Go cannot. */
export async function buildCsiSanity(): Promise<string> {
  const binary = join(CACHE, 'csi-sanity');
  const newest = Math.max(...[join(MODULE, 'go.sum'), import.meta.filename].map(modifiedAt));
  if (modifiedAt(binary) > newest) return binary;
  process.stdout.write(`Building csi-sanity from ${CSI_TEST} with Go (its modules are downloaded the first time) …\n`);
  mkdirSync(CACHE, { recursive: true });
  const { code, ms } = await runCommand('go', ['build', '-buildvcs=false', '-o', binary, `${CSI_TEST}/cmd/csi-sanity`], {
    cwd: MODULE,
    env: GO_ENVIRONMENT,
  });
  if (code !== 0) throw new Error('csi-sanity could not be built; the message of go is above');
  process.stdout.write(`Built in ${(ms / 1000).toFixed(0)} s: ${binary}\n`);
  return binary;
}

const GO_ENVIRONMENT = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' };

const modifiedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
