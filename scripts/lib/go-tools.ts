import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './run-command.ts';

const REPOSITORY = join(import.meta.dirname, '../..');

/** Commands that the tests build from the Go module test/tools, which pins their versions. */
const PACKAGES = { 'csi-sanity': 'github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity' } as const;

/** Path of the built command, below .cache. Builds it when it is missing or older than the module. Throws when Go cannot. */
export async function buildGoTool(name: keyof typeof PACKAGES): Promise<string> {
  const binary = join(REPOSITORY, '.cache', name);
  const moduleDirectory = join(REPOSITORY, 'test/tools');
  if (modifiedAt(binary) > modifiedAt(join(moduleDirectory, 'go.sum'))) return binary;
  process.stdout.write(`Building ${PACKAGES[name]} with Go (modules are downloaded the first time) …\n`);
  mkdirSync(join(REPOSITORY, '.cache'), { recursive: true });
  const { code, ms } = await runCommand('go', ['build', '-buildvcs=false', '-o', binary, PACKAGES[name]], {
    cwd: moduleDirectory,
    env: { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' },
  });
  if (code !== 0) throw new Error(`go build of ${PACKAGES[name]} failed; its message is above`);
  process.stdout.write(`Built in ${(ms / 1000).toFixed(0)} s: ${binary}\n`);
  return binary;
}

const modifiedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
