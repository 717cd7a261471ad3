import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { openSystem } from '../../../src/system/open-system.ts';

const system = openSystem();
const { files } = system;
let root = '';
let directory = '';
let count = 0;
const at = (name: string): string => join(directory, name);

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'convoy-files-'));
});
beforeEach(async () => {
  directory = join(root, String(count++));
  await mkdir(directory);
});
after(async () => {
  await system.close();
  await rm(root, { recursive: true, force: true });
});

describe('writeDurable', () => {
  test('a file is written with its mode and nothing else is left', async () => {
    await files.writeDurable(at('record'), 'one', { mode: 0o640 });
    assert.equal(await readFile(at('record'), 'utf8'), 'one');
    assert.equal((await stat(at('record'))).mode & 0o777, 0o640);
    assert.deepEqual(await readdir(directory), ['record']);
  });

  test('writers of one path at once leave one whole text', async () => {
    const texts = Array.from({ length: 20 }, (_, n) => String(n).repeat(10_000));
    await Promise.all(texts.map((text) => files.writeDurable(at('record'), text)));
    assert.equal(await readFile(at('record'), 'utf8'), texts.at(-1));
    assert.deepEqual(await readdir(directory), ['record']);
  });

  test('the temporary file that a kill left is no hindrance, be it a link', async () => {
    await writeFile(at('victim'), 'untouched');
    await symlink(at('victim'), at('.record.tmp'));
    await files.writeDurable(at('record'), 'new');
    assert.equal(await readFile(at('victim'), 'utf8'), 'untouched');
    assert.deepEqual((await readdir(directory)).sort(), ['record', 'victim']);
  });

  test('a failed write says why and keeps nothing', async () => {
    await mkdir(at('record'));
    await assert.rejects(files.writeDurable(at('record'), 'x'), { code: 'EISDIR' });
    assert.deepEqual(await readdir(directory), ['record']);
  });
});

describe('renameDurable', () => {
  test('a directory moves', async () => {
    await mkdir(at('a'));
    await mkdir(at('trash'));
    await files.renameDurable(at('a'), at('trash/a'));
    assert.deepEqual(await readdir(at('trash')), ['a']);
  });

  test('an existing target is never replaced, not even an empty directory', async () => {
    await mkdir(at('a'));
    await mkdir(at('b'));
    await assert.rejects(files.renameDurable(at('a'), at('b')), { code: 'EEXIST' });
    assert.deepEqual((await readdir(directory)).sort(), ['a', 'b']);
  });

  test('an absent source is ENOENT', async () => {
    await assert.rejects(files.renameDurable(at('a'), at('b')), { code: 'ENOENT' });
  });
});

describe('mkdirDurable', () => {
  test('a directory is made with its mode, and again without harm', async () => {
    await files.mkdirDurable(at('d'), 0o777);
    await files.mkdirDurable(at('d'), 0o700);
    assert.equal((await stat(at('d'))).mode & 0o777, 0o777);
  });

  test('a link or file in its place is refused', async () => {
    await mkdir(at('real'));
    await symlink(at('real'), at('link'));
    await writeFile(at('file'), '');
    await assert.rejects(files.mkdirDurable(at('link')), { code: 'ENOTDIR' });
    await assert.rejects(files.mkdirDurable(at('file')), { code: 'ENOTDIR' });
  });
});

describe('lock', () => {
  test('a second holder in the same process is refused until the first lets go', async () => {
    await writeFile(at('marker'), '');
    const first = await files.lock(at('marker'));
    await assert.rejects(files.lock(at('marker')), { code: 'EWOULDBLOCK' });
    await first.release();
    await first.release();
    await (await files.lock(at('marker'))).release();
  });

  test('a lock of another process is seen, and ends with its death', async () => {
    await writeFile(at('marker'), '');
    const other = await holdInChild(at('marker'));
    await assert.rejects(files.lock(at('marker')), { code: 'EWOULDBLOCK' });
    other.kill('SIGKILL');
    await once(other, 'exit');
    await (await files.lock(at('marker'))).release();
  });

  test('a directory can be locked, an absent file is not made', async () => {
    await (await files.lock(directory)).release();
    await assert.rejects(files.lock(at('marker')), { code: 'ENOENT' });
    assert.deepEqual(await readdir(directory), []);
  });

  test('a link is not followed', async () => {
    await writeFile(at('marker'), '');
    await symlink(at('marker'), at('link'));
    await assert.rejects(files.lock(at('link')), { code: 'ELOOP' });
  });
});

describe('stats', () => {
  test('the numbers of a file system add up', async () => {
    const found = await files.stats(directory);
    assert.ok(found.totalBytes > 0n);
    assert.ok(found.usedBytes + found.availableBytes <= found.totalBytes);
    assert.equal(found.usedInodes + found.freeInodes, found.totalInodes);
  });

  test('an absent path is ENOENT', async () => {
    await assert.rejects(files.stats(at('absent')), { code: 'ENOENT' });
  });
});

async function holdInChild(path: string): Promise<ChildProcess> {
  const script = `import { openSystem } from ${JSON.stringify(new URL('../../../src/system/open-system.ts', import.meta.url).href)};
    await openSystem().files.lock(${JSON.stringify(path)}); console.log('held'); setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}
