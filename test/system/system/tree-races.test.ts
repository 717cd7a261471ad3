import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { openScratch, sh } from './scratch.ts';

const scratch = openScratch();
const { trees } = scratch.system;

interface Field {
  /** The tree that is walked. */
  readonly tree: string;
  /** What nothing may be read from, changed or removed. */
  readonly outside: string;
}

function field(): Field {
  const base = scratch.directory();
  const [tree, outside] = [join(base, 'tree'), join(base, 'outside')];
  mkdirSync(join(outside, 'd', 'e'), { recursive: true });
  for (const at of ['', 'd', 'd/e']) for (let n = 0; n < 20; n++) writeFileSync(join(outside, at, `f${n}`), 'secret');
  fill(tree);
  return { tree, outside };
}

function fill(tree: string): void {
  for (let n = 0; n < 6; n++) {
    try {
      mkdirSync(join(tree, `v${n}`, 'd', 'e'), { recursive: true });
      for (const at of ['', 'd', 'd/e'])
        for (let m = 0; m < 20; m++) writeFileSync(join(tree, `v${n}`, at, `f${m}`), 'open', { flag: 'wx' });
    } catch {
      // The attacker moved it away under our hands, or left something: it will do as it is.
    }
  }
}

/** A thread that swaps directories and files of the tree for links to the outside, and moves them about, without end. */
function attack({ tree, outside }: Field): () => Promise<void> {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const script = `const { workerData: { tree, outside, stop } } = require('node:worker_threads'); const fs = require('node:fs');
    const quietly = (act) => { try { act(); } catch {} };
    for (let n = 0; Atomics.load(stop, 0) === 0; n++) {
      const dir = tree + '/v' + (n % 6);
      quietly(() => fs.renameSync(dir + '/d', dir + '/moved'));
      quietly(() => fs.symlinkSync(outside + '/d', dir + '/d'));
      quietly(() => fs.renameSync(dir + '/f1', dir + '/g1'));
      quietly(() => fs.symlinkSync(outside + '/f1', dir + '/f1'));
      quietly(() => fs.renameSync(dir + '/moved/e', tree + '/v' + ((n + 1) % 6) + '/e' + n % 3));
      quietly(() => fs.symlinkSync(outside, dir + '/moved/e'));
      quietly(() => fs.unlinkSync(dir + '/d'));
      quietly(() => fs.renameSync(dir + '/moved', dir + '/d'));
      quietly(() => fs.unlinkSync(dir + '/f1'));
      quietly(() => fs.renameSync(dir + '/g1', dir + '/f1'));
    }`;
  const worker = new Worker(script, { eval: true, workerData: { tree, outside, stop } });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  return async () => {
    Atomics.store(stop, 0, 1);
    await ended;
  };
}

const count = (path: string): number => Number(sh('bash', '-c', 'find "$1" | wc -l', '-', path));

test('a removal under attack removes nothing outside', async () => {
  const arena = field();
  const before = count(arena.outside);
  const stop = attack(arena);
  for (let round = 0; round < 25; round++) {
    // EBUSY and ENOTEMPTY say that somebody interferes, which is true.
    await trees.remove(arena.tree).catch((error: NodeJS.ErrnoException) => assert.match(error.code ?? '', /EBUSY|ENOTEMPTY/));
    fill(arena.tree);
  }
  await stop();
  assert.equal(count(arena.outside), before);
  await trees.remove(arena.tree);
  assert.equal(existsSync(arena.tree), false);
  assert.equal(readdirSync(arena.outside).length, 21);
});

test('a copy under attack holds nothing from outside', async () => {
  const arena = field();
  const target = join(scratch.directory(), 'copy');
  const before = [count(arena.outside), statSync(arena.outside).mtimeMs];
  const stop = attack(arena);
  for (let round = 0; round < 6; round++) {
    await trees.copy(arena.tree, target, { maxRounds: round % 2 });
    assert.equal(sh('bash', '-c', 'find "$1" -type f -print0 | xargs -0 grep -l secret; true', '-', target), '');
  }
  await stop();
  assert.deepEqual([count(arena.outside), statSync(arena.outside).mtimeMs], before);
  const calm = await trees.copy(arena.tree, target, { maxRounds: 5 });
  assert.equal(calm.kind, 'copied');
  assert.equal(count(target), count(arena.tree));
});

test('a measurement under attack ends', async () => {
  const arena = field();
  const stop = attack(arena);
  for (let round = 0; round < 5; round++) assert.ok((await trees.measure(arena.tree)).entries > 6);
  await stop();
});

test('levels that were closed in a deep tree and moved meanwhile are not mistaken', async () => {
  const base = scratch.directory();
  const deep = join(base, 'tree', ...Array.from({ length: 150 }, () => 'd'));
  mkdirSync(deep, { recursive: true });
  mkdirSync(join(base, 'outside', ...Array.from({ length: 150 }, () => 'd')), { recursive: true });
  writeFileSync(join(base, 'outside', 'd', 'kept'), 'kept');
  const arena = { tree: join(base, 'tree'), outside: join(base, 'outside') };
  const script = `const { workerData: { tree, stop } } = require('node:worker_threads'); const fs = require('node:fs');
    const at = tree + '/d'.repeat(5);
    while (Atomics.load(stop, 0) === 0) { try { fs.renameSync(at, tree + '/aside'); fs.symlinkSync('../../../../../../outside', at); fs.unlinkSync(at); fs.renameSync(tree + '/aside', at); } catch {} }`;
  const stopFlag = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(script, { eval: true, workerData: { tree: arena.tree, stop: stopFlag } });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  for (let round = 0; round < 4; round++) await trees.copy(arena.tree, join(base, 'copy'), { maxRounds: 1 });
  await trees.remove(arena.tree).catch((error: NodeJS.ErrnoException) => assert.match(error.code ?? '', /EBUSY|ENOTEMPTY/));
  Atomics.store(stopFlag, 0, 1);
  await ended;
  assert.equal(readFileSync(join(base, 'outside', 'd', 'kept'), 'utf8'), 'kept');
  assert.equal(count(arena.outside), 152);
});
