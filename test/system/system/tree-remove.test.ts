import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openScratch, type ScratchType, sh } from './scratch.ts';

const scratch = openScratch();
const { trees } = scratch.system;

function tree(base = scratch.directory()): string {
  const path = join(base, 'tree');
  mkdirSync(join(path, 'a', 'b'), { recursive: true });
  writeFileSync(join(path, 'a', 'b', 'file'), 'x');
  writeFileSync(join(path, 'file'), 'x');
  return path;
}

/** `depth` directories below each other, made without a path that long ever being used. */
const DEEP = `import os, sys
os.chdir(sys.argv[1])
for n in range(int(sys.argv[2])):
  os.mkdir('d' * 20); open('f', 'w').close(); os.chdir('d' * 20)`;

describe('remove', () => {
  test('a tree, a file, a link and nothing at all are removed', async () => {
    const path = tree();
    await trees.remove(path);
    assert.equal(existsSync(path), false);
    await trees.remove(path);
    await trees.remove(join(path, 'no', 'parent'));
    const base = scratch.directory();
    writeFileSync(join(base, 'file'), '');
    symlinkSync(tree(base), join(base, 'link'));
    await trees.remove(join(base, 'link'));
    await trees.remove(join(base, 'file'));
    assert.deepEqual(readdirSync(join(base, 'tree')).sort(), ['a', 'file']);
  });

  test('links in the tree are removed, what they point to stays', async () => {
    const [path, outside] = [tree(), tree()];
    symlinkSync(outside, join(path, 'a', 'link'));
    symlinkSync('/', join(path, 'root'));
    await trees.remove(path);
    assert.equal(existsSync(path), false);
    assert.deepEqual(readdirSync(outside).sort(), ['a', 'file']);
  });

  test('names that are no UTF-8, and odd ones, go', async () => {
    const path = tree();
    sh(
      'bash',
      '-c',
      `cd "$1" && mkdir "$(printf 'd\\377\\376')" && touch "$(printf 'd\\377\\376/\\200')" ' ' -- '-rf' '...' $'new\\nline'`,
      '-',
      path,
    );
    await trees.remove(path);
    assert.equal(existsSync(path), false);
  });

  test('10 000 levels go, without a descriptor for each', async () => {
    const path = scratch.directory();
    sh('python3', '-c', DEEP, path, '10000');
    await trees.remove(path);
    assert.equal(existsSync(path), false);
  });

  test('2 000 levels are copied and measured', async () => {
    const base = scratch.directory();
    mkdirSync(join(base, 'deep'));
    sh('python3', '-c', DEEP, join(base, 'deep'), '2000');
    const copied = await trees.copy(join(base, 'deep'), join(base, 'copy'), { maxRounds: 5 });
    assert.equal(copied.kind === 'copied' && copied.entries, 4_001);
    assert.equal((await trees.measure(join(base, 'copy'))).entries, 4_001);
    await trees.remove(join(base, 'copy'));
    await trees.remove(join(base, 'deep'));
    assert.deepEqual(readdirSync(base), []);
  });

  test('100 000 files in one directory go, with progress', async () => {
    const path = scratch.directory();
    sh('python3', '-c', 'import sys\nfor n in range(100000): open(sys.argv[1] + "/" + str(n), "w").close()', path);
    let last = 0;
    await trees.remove(path, { progress: ({ entries }) => (last = entries) });
    assert.equal(existsSync(path), false);
    assert.equal(last, 100_001);
  });

  test('a mount below is named, and nothing at all is removed', async () => {
    const [path, outside] = [tree(), tree()];
    mkdirSync(join(path, 'z'));
    sh('mount', '--bind', outside, join(path, 'z'));
    try {
      await assert.rejects(trees.remove(path), { code: 'EXDEV', path: join(path, 'z') });
      assert.deepEqual(readdirSync(path).sort(), ['a', 'file', 'z']);
      assert.equal(readFileSync(join(outside, 'a', 'b', 'file'), 'utf8'), 'x');
    } finally {
      sh('umount', join(path, 'z'));
    }
    await trees.remove(path);
    assert.equal(existsSync(path), false);
  });

  test('a tree that is itself a mount is refused', async () => {
    const path = tree();
    sh('mount', '--bind', path, path);
    try {
      await assert.rejects(trees.remove(path), { code: 'EXDEV' });
    } finally {
      sh('umount', path);
    }
    assert.equal(readFileSync(join(path, 'a', 'b', 'file'), 'utf8'), 'x');
  });

  for (const type of ['ext4', 'xfs', 'btrfs'] as const satisfies readonly ScratchType[]) {
    test(`immutable and append-only files and directories go on ${type}`, async () => {
      const path = tree(scratch.mounted(type));
      sh('chattr', '+a', join(path, 'a', 'b', 'file'));
      sh('chattr', '+i', join(path, 'file'), join(path, 'a', 'b'), join(path, 'a'));
      await trees.remove(path);
      assert.equal(existsSync(path), false);
    });
  }

  test('subvolumes that a tenant made below go', async () => {
    const path = tree(scratch.mounted('btrfs'));
    sh('btrfs', 'subvolume', 'create', join(path, 'a', 'sub'));
    writeFileSync(join(path, 'a', 'sub', 'file'), '');
    await trees.remove(path);
    assert.equal(existsSync(path), false);
  });

  test('an abort stops it, and a second call finishes', async () => {
    const path = scratch.directory();
    sh('python3', '-c', 'import sys\nfor n in range(20000): open(sys.argv[1] + "/" + str(n), "w").close()', path);
    await assert.rejects(trees.remove(path, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.equal(readdirSync(path).length, 20_000);
    await trees.remove(path);
    assert.equal(existsSync(path), false);
  });
});

describe('measure', () => {
  test('entries and allocated bytes are summed, hard links once', async () => {
    const path = scratch.directory();
    writeFileSync(join(path, 'file'), Buffer.alloc(1_000_000, 1), { flush: true });
    sh('ln', join(path, 'file'), join(path, 'again'));
    sh('truncate', '-s', '1G', join(path, 'sparse'));
    const { entries, bytes } = await trees.measure(path);
    assert.equal(entries, 4);
    assert.equal(bytes, BigInt(sh('du', '--block-size=1', '-s', path).split('\t')[0] ?? 0));
  });
});
