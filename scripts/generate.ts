/**
 * Makes what the code needs of the proto files: TypeScript types, trimmed descriptors for `protoLoader.fromJSON`
 * (a third of the load time and memory of parsing the proto file at start) and the table of what must never be logged.
 * Everything under `gen/` is output; a test fails when it is not what this script makes.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
// For its side effect: it makes descriptor.proto known to protobufjs, which csi.proto extends.
import '@grpc/proto-loader';
import protobuf from 'protobufjs';
import { redactionTable, trimmedDescriptor } from './descriptor.ts';
import { writeDocs } from './docs.ts';

interface Target {
  readonly proto: string;
  readonly out: string;
  /** Full names of the services that we serve; types and descriptors of nothing else are kept. */
  readonly services: readonly string[];
  /** Name of the descriptor file, and of the redaction table if there is one to be made. */
  readonly descriptor: string;
  readonly redaction?: string;
}

/** GroupController and SnapshotMetadata join this list when they are served. */
const TARGETS: readonly Target[] = [
  {
    proto: 'proto/csi.proto',
    out: 'src/csi/gen',
    services: ['csi.v1.Identity', 'csi.v1.Controller', 'csi.v1.Node'],
    descriptor: 'csi.json',
    redaction: 'redaction.ts',
  },
  {
    proto: 'proto/pluginregistration.proto',
    out: 'src/csi/gen',
    services: ['pluginregistration.Registration'],
    descriptor: 'registration.json',
  },
  { proto: 'proto/agent.proto', out: 'src/channel/gen', services: ['convoy.agent.v0.Agent'], descriptor: 'agent.json' },
  { proto: 'proto/admin.proto', out: 'src/admin/gen', services: ['convoy.admin.v0.Admin'], descriptor: 'admin.json' },
];

/** Every generated file by its path from `root`. */
export async function generate(root: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const target of TARGETS) {
    if (!existsSync(join(root, target.proto))) continue;
    const reflection = protobuf.loadSync(join(root, target.proto));
    reflection.resolveAll();
    const put = (name: string, text: string): unknown => files.set(join(target.out, name), text);
    put(target.descriptor, `${JSON.stringify(trimmedDescriptor(reflection, target.services))}\n`);
    if (target.redaction !== undefined) put(target.redaction, redactionSource(redactionTable(reflection, target.services)));
    for (const [name, text] of await generateTypes(root, target)) put(name, text);
  }
  return files;
}

/** The folders that hold nothing but generated files. */
export const generatedFolders = (): readonly string[] => [...new Set(TARGETS.map((target) => target.out))];

/** Paths of the files that are there now, from `root`. */
export async function existingFiles(root: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const folder of generatedFolders()) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isFile()) found.push(relative(root, join(entry.parentPath, entry.name)));
  }
  return found.sort();
}

function redactionSource(table: unknown): string {
  return [
    '// Made by scripts/generate.ts from the csi_secret option of proto/csi.proto and the rules in scripts/descriptor.ts.',
    "import type { RedactionTable } from '../redact.ts';",
    '',
    `export const REDACTION: RedactionTable = ${JSON.stringify(table, undefined, 2)};`,
    '',
  ].join('\n');
}

/** Runs proto-loader's own type generator and keeps what the wanted services reach. */
async function generateTypes(root: string, target: Target): Promise<ReadonlyMap<string, string>> {
  const out = await mkdtemp(join(tmpdir(), 'convoy-generate-'));
  try {
    const tool = join(root, 'node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js');
    // The same options as in csi/definitions.ts, or types and values differ.
    const options = ['--longs=String', '--enums=String', '--defaults', '--oneofs'];
    const args = [tool, '--grpcLib=@grpc/grpc-js', '--importFileExtension=.ts', ...options, `--outDir=${out}`, target.proto];
    await promisify(execFile)(process.execPath, args, { cwd: root });
    return await reachable(
      out,
      target.services.map((service) => `${service.replaceAll('.', '/')}.ts`),
    );
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function reachable(folder: string, entries: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const kept = new Map<string, string>();
  const queue = [...entries];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (kept.has(name)) continue;
    const text = await readFile(join(folder, name), 'utf8');
    kept.set(name, text);
    for (const [, imported] of text.matchAll(/from '(\.[^']+)'/g)) {
      if (imported !== undefined) queue.push(relative(folder, resolve(folder, dirname(name), imported)));
    }
  }
  return kept;
}

async function main(root: string): Promise<void> {
  const files = await generate(root);
  for (const stale of await existingFiles(root)) if (!files.has(stale)) await rm(join(root, stale));
  for (const [name, text] of files) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  await writeDocs(root);
  console.log(`${files.size} files under ${generatedFolders().join(' and ')}`);
}

if (import.meta.main) await main(resolve(import.meta.dirname, '..'));
