/**
 * `npm run build`: dist/convoy.mjs and what it loads, with source maps. Chunks are split so that the daemon never loads what
 * only the commands need, and the other way round. `dist` runs beside any node_modules that has the production packages
 * (`npm ci --omit=dev`): of those only koffi, which is native, is loaded at run time.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');

/** Entries of threads and child processes are found beside the chunk that starts them (src/system/worker-url.ts). */
const ENTRIES = {
  main: 'src/main.ts',
  'syscall-worker': 'src/system/syscall-worker.ts',
  'tree-worker': 'src/system/tree-worker.ts',
  'certificate-maker': 'src/channel/certificate-maker.ts',
};

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);
const { metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: ENTRIES,
  outdir: DIST,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  sourcemap: true,
  // Not minified: it gains nothing measurable and costs readable stacks.
  legalComments: 'none',
  external: ['koffi'],
  // A CommonJS package that is loaded lazily would be a chunk with a default export alone, without the names that we use.
  mainFields: ['module', 'main'],
  banner: { js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);' },
  metafile: true,
  logLevel: 'warning',
});
await build({
  absWorkingDir: ROOT,
  entryPoints: ['scripts/launcher.ts'],
  outfile: join(DIST, 'convoy.mjs'),
  format: 'esm',
  platform: 'node',
  // The oldest that knows top-level await.
  target: 'node14.8',
  logLevel: 'warning',
});
chmodSync(join(DIST, 'convoy.mjs'), 0o755);

const outputs = Object.entries(metafile.outputs).filter(([name]) => name.endsWith('.mjs'));
for (const [name, { bytes, entryPoint }] of outputs) {
  if (entryPoint !== undefined) console.log(`${name.padEnd(30)} ${kib(bytes)}  ${entryPoint}`);
}
console.log(`${outputs.length} files, ${kib(outputs.reduce((sum, [, { bytes }]) => sum + bytes, 0))} in dist; run dist/convoy.mjs`);

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(0).padStart(6)} KiB`;
}
