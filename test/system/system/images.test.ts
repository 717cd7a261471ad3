import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { openScratch } from './scratch.ts';

const scratch = openScratch();
const { files } = scratch.system;
const MIB = 2n ** 20n;
const allocated = (path: string): bigint => BigInt(statSync(path).blocks) * 512n;

for (const [type, shares] of [
  ['ext4', false],
  ['xfs', true],
  ['btrfs', true],
] as const) {
  describe(`on ${type}`, () => {
    let base = '';
    before(() => {
      base = scratch.mounted(type);
    });

    test(`blocks can ${shares ? '' : 'not '}be shared, and asking leaves nothing behind`, async () => {
      const held = readdirSync(base);
      assert.equal(await files.canClone(base), shares);
      assert.deepEqual(readdirSync(base), held);
    });

    test('a clone has the content and lives on without its source, or there is no clone at all', async () => {
      const [from, to] = [join(base, 'clone-from'), join(base, 'clone-to')];
      writeFileSync(from, Buffer.alloc(1_000_000, 'abc'), { mode: 0o640 });
      if (shares) {
        await files.cloneFile(from, to);
        writeFileSync(from, 'changed');
        assert.deepEqual(readFileSync(to), Buffer.alloc(1_000_000, 'abc'));
        assert.equal(statSync(to).mode & 0o777, 0o640);
        await assert.rejects(files.cloneFile(from, to), { code: 'EEXIST' });
        assert.equal(statSync(to).size, 1_000_000);
      } else {
        await assert.rejects(files.cloneFile(from, to), { code: /EOPNOTSUPP|ENOTSUP/ });
        assert.equal(existsSync(to), false);
      }
    });

    test('an image is reserved, a thin one is not', async () => {
      await files.createImage(join(base, 'thick'), 16n * MIB, { thin: false });
      await files.createImage(join(base, 'thin'), 16n * MIB, { thin: true });
      assert.deepEqual([statSync(join(base, 'thick')).size, statSync(join(base, 'thin')).size], [16 * 2 ** 20, 16 * 2 ** 20]);
      assert.ok(allocated(join(base, 'thick')) >= 16n * MIB);
      assert.ok(allocated(join(base, 'thin')) < MIB);
    });

    test('growing reserves the new part, keeps the old, and never shrinks', async () => {
      const path = join(base, 'growing');
      await files.createImage(path, 4n * MIB, { thin: false });
      writeFileSync(path, 'kept', { flag: 'r+' });
      await files.growImage(path, 8n * MIB, { thin: false });
      await files.growImage(path, 2n * MIB, { thin: false });
      assert.equal(BigInt(statSync(path).size), 8n * MIB);
      assert.ok(allocated(path) >= 8n * MIB);
      assert.equal(readFileSync(path).subarray(0, 4).toString(), 'kept');
    });

    test('more than there is is refused and changes nothing', async () => {
      const path = join(base, 'full');
      await assert.rejects(files.createImage(path, 2_000n * MIB, { thin: false }), { code: 'ENOSPC' });
      assert.equal(existsSync(path), false);
      await files.createImage(path, 4n * MIB, { thin: false });
      await assert.rejects(files.growImage(path, 2_000n * MIB, { thin: false }), { code: 'ENOSPC' });
      assert.equal(BigInt(statSync(path).size), 4n * MIB);
      assert.ok(allocated(path) < 8n * MIB);
    });

    test('a sparse copy has the data, the holes and the size, and knows that nobody wrote', async () => {
      const [from, to] = [join(base, 'sparse'), join(base, 'sparse-copy')];
      writeFileSync(from, 'head');
      truncateSync(from, 12 * 2 ** 20);
      const file = openSync(from, 'r+');
      writeSync(file, 'middle', 5_000_000);
      closeSync(file);
      const done = await files.copySparse(from, to, {});
      assert.equal(done.unchanged, true);
      assert.ok(done.copiedBytes < MIB);
      assert.deepEqual(readFileSync(to), readFileSync(from));
      assert.ok(allocated(to) < MIB);
    });
  });
}

describe('copySparse', () => {
  test('between two file systems every byte arrives', async () => {
    const [from, to] = [join(scratch.mounted('ext4'), 'from'), join(scratch.mounted('btrfs'), 'to')];
    const content = Buffer.from(Array.from({ length: 3_000_001 }, (_, n) => (n * 31) & 0xff));
    writeFileSync(from, content);
    assert.deepEqual(await files.copySparse(from, to, {}), { unchanged: true, copiedBytes: 3_000_001n });
    assert.deepEqual(readFileSync(to), content);
  });

  test('a source that was written meanwhile is told', async () => {
    const base = scratch.directory();
    writeFileSync(join(base, 'from'), Buffer.alloc(24 * 2 ** 20, 1));
    let wrote = false;
    const progress = (): void => {
      if (!wrote) writeFileSync(join(base, 'from'), 'x', { flag: 'r+' });
      wrote = true;
    };
    const done = await files.copySparse(join(base, 'from'), join(base, 'to'), { progress, bandwidth: 40 * 2 ** 20 });
    assert.deepEqual({ wrote, unchanged: done.unchanged }, { wrote: true, unchanged: false });
  });

  test('an abort ends it, and nothing is left of the copy', async () => {
    const base = scratch.directory();
    writeFileSync(join(base, 'from'), Buffer.alloc(32 * 2 ** 20, 1));
    const abort = new AbortController();
    const copying = files.copySparse(join(base, 'from'), join(base, 'to'), {
      signal: abort.signal,
      progress: () => abort.abort(),
      bandwidth: 20 * 2 ** 20,
    });
    await assert.rejects(copying, { name: 'AbortError' });
    assert.deepEqual(readdirSync(base), ['from']);
  });

  test('a full target is ENOSPC, and nothing is left of the copy', async () => {
    const [base, small] = [scratch.directory(), scratch.mounted('ext4', 16)];
    writeFileSync(join(base, 'from'), Buffer.alloc(32 * 2 ** 20, 1));
    await assert.rejects(files.copySparse(join(base, 'from'), join(small, 'to'), {}), { code: 'ENOSPC' });
    assert.equal(existsSync(join(small, 'to')), false);
  });

  test('a link is not followed and nothing is overwritten', async () => {
    const base = scratch.directory();
    writeFileSync(join(base, 'from'), 'x');
    symlinkSync(join(base, 'from'), join(base, 'link'));
    await assert.rejects(files.copySparse(join(base, 'link'), join(base, 'to'), {}), { code: 'ELOOP' });
    await assert.rejects(files.copySparse(join(base, 'from'), join(base, 'link'), {}), { code: 'EEXIST' });
  });
});
