import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';

const CACHE = join(import.meta.dirname, '../../.cache');
/** The Go module that pins what is built here. */
const MODULE = join(import.meta.dirname, '../../test/tools');
const CSI_TEST = 'github.com/kubernetes-csi/csi-test/v5';

/**
 * Defects of csi-test v5.6.0 without whose correction a spec cannot pass, whatever the driver does. The spec still runs,
 * and still means what it says.
 */
const CORRECTIONS = [
  {
    file: 'pkg/sanity/controller.go',
    // gomega's Equal looks into protobuf's hidden size cache, which sending the one message filled and the other has not.
    wrong: 'Expect(topo).To(Equal(ni.GetAccessibleTopology()))',
    right: 'Expect(topo.GetSegments()).To(Equal(ni.GetAccessibleTopology().GetSegments()))',
  },
] as const;

/** Path of csi-sanity below .cache. Builds it when it is missing or older than what it is made of. Throws when Go cannot. */
export async function buildCsiSanity(): Promise<string> {
  const binary = join(CACHE, 'csi-sanity');
  const newest = Math.max(...[join(MODULE, 'go.sum'), import.meta.filename].map(modifiedAt));
  if (modifiedAt(binary) > newest) return binary;
  process.stdout.write(`Building csi-sanity from ${CSI_TEST} with Go (its modules are downloaded the first time) …\n`);
  mkdirSync(CACHE, { recursive: true });
  const { code, ms } = await runCommand(
    'go',
    ['build', '-buildvcs=false', `-modfile=${correctedModule()}`, '-o', binary, `${CSI_TEST}/cmd/csi-sanity`],
    {
      cwd: MODULE,
      env: GO_ENVIRONMENT,
    },
  );
  if (code !== 0) throw new Error('csi-sanity could not be built; the message of go is above');
  process.stdout.write(`Built in ${(ms / 1000).toFixed(0)} s: ${binary}\n`);
  return binary;
}

const GO_ENVIRONMENT = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' };

/** A go.mod like test/tools', but for csi-test, which is a corrected copy of the very version that is pinned there. */
function correctedModule(): string {
  const copy = join(CACHE, 'csi-test');
  rmSync(copy, { recursive: true, force: true });
  execFileSync('cp', ['-r', '--no-preserve=mode', moduleDirectory(), copy]);
  for (const { file, wrong, right } of CORRECTIONS) {
    const text = readFileSync(join(copy, file), 'utf8');
    if (text.split(wrong).length !== 2)
      throw new Error(
        `${file} of ${CSI_TEST} no longer holds "${wrong}" once: look whether its correction in scripts/lib/go-tools.ts is still needed`,
      );
    writeFileSync(join(copy, file), text.replace(wrong, right));
  }
  const modfile = join(CACHE, 'tools.mod');
  writeFileSync(modfile, `${readFileSync(join(MODULE, 'go.mod'), 'utf8')}\nreplace ${CSI_TEST} => ${copy}\n`);
  copyFileSync(join(MODULE, 'go.sum'), join(CACHE, 'tools.sum'));
  return modfile;
}

function moduleDirectory(): string {
  const go = (...args: string[]): string =>
    execFileSync('go', args, {
      cwd: MODULE,
      env: { ...process.env, ...GO_ENVIRONMENT },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  go('mod', 'download', CSI_TEST);
  return go('list', '-m', '-f', '{{.Dir}}', CSI_TEST).trim();
}

const modifiedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
