import assert from 'node:assert/strict';
import { copyFileSync, existsSync, linkSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { openScratch, type ScratchType, sh } from './scratch.ts';

const scratch = openScratch();
const { loops, files } = scratch.system;
const SIZE = 8n * 2n ** 20n;

async function image(directory = scratch.directory(), name = 'image'): Promise<string> {
  const path = join(directory, name);
  await files.createImage(path, SIZE, { thin: true });
  return path;
}
const backing = (device: string): boolean => existsSync(`/sys/block/${device.slice(5)}/loop`);

describe('attach', () => {
  test('a device has the size of its image and direct I/O', async () => {
    const loop = await loops.attach(await image(), { readOnly: false, autoclear: true });
    assert.deepEqual(
      { readOnly: loop.readOnly, autoclear: loop.autoclear, sizeBytes: loop.sizeBytes, directIo: loop.directIo },
      { readOnly: false, autoclear: true, sizeBytes: SIZE, directIo: true },
    );
    assert.equal(readFileSync(`/sys/block/${loop.path.slice(5)}/dev`, 'utf8').trim(), loop.device);
    await loop.close();
  });

  test('an autoclear device goes with its last holder', async () => {
    const path = await image();
    const loop = await loops.attach(path, { readOnly: false, autoclear: true });
    const second = await loops.hold(loop.path);
    await loop.close();
    await loop.close();
    assert.equal((await loops.findByBacking(path)).length, 1);
    await second.close();
    assert.deepEqual(await loops.findByBacking(path), []);
  });

  test('a read-only device cannot be written', async () => {
    const loop = await loops.attach(await image(), { readOnly: true, autoclear: true });
    assert.equal(loop.readOnly, true);
    assert.throws(() => writeFileSync(loop.path, Buffer.alloc(4096, 1), { flag: 'r+', flush: true }), { code: /EACCES|EPERM|EROFS/ });
    await loop.close();
  });

  test('many at once get a device each', async () => {
    const paths = await Promise.all(Array.from({ length: 24 }, (_, n) => image(undefined, `image${n}`)));
    const attached = await Promise.all(paths.map((path) => loops.attach(path, { readOnly: false, autoclear: true })));
    assert.equal(new Set(attached.map(({ path }) => path)).size, paths.length);
    for (const [n, loop] of attached.entries())
      assert.deepEqual(
        (await loops.findByBacking(paths[n] ?? '')).map(({ path }) => path),
        [loop.path],
      );
    for (const loop of attached) await loop.close();
  });

  test('what is no regular file is refused', async () => {
    await assert.rejects(loops.attach(scratch.directory(), { readOnly: true, autoclear: true }), { code: 'EINVAL' });
    await assert.rejects(loops.attach('/absent', { readOnly: false, autoclear: true }), { code: 'ENOENT' });
    sh('ln', '-s', await image(), join(scratch.directory(), '../link'));
    await assert.rejects(loops.attach(join(scratch.directory(), '../link'), { readOnly: false, autoclear: true }), { code: 'ELOOP' });
  });
});

for (const type of ['ext4', 'xfs', 'btrfs'] as const satisfies readonly ScratchType[]) {
  describe(`findByBacking on ${type}`, () => {
    let base = '';
    before(() => {
      base = scratch.mounted(type);
    });

    test('a device is found by inode: through another name, not through another file at the old name', async () => {
      const path = await image(base);
      const loop = await loops.attach(path, { readOnly: false, autoclear: true });
      linkSync(path, join(base, 'second-name'));
      renameSync(path, join(base, 'moved'));
      copyFileSync(join(base, 'moved'), path);
      assert.deepEqual(
        (await loops.findByBacking(join(base, 'second-name'))).map((found) => found.path),
        [loop.path],
      );
      assert.deepEqual(
        (await loops.findByBacking(join(base, 'moved'))).map((found) => found.device),
        [loop.device],
      );
      assert.deepEqual(await loops.findByBacking(path), []);
      await loops.detach(loop.path, path); // the wrong file: nothing happens
      assert.equal(backing(loop.path), true);
      await loop.close();
    });
  });
}

describe('refreshSize and detach', () => {
  test('a grown image is seen after refreshSize', async () => {
    const path = await image();
    const loop = await loops.attach(path, { readOnly: false, autoclear: true });
    truncateSync(path, Number(SIZE) * 2);
    await loops.refreshSize(loop.path);
    assert.equal(await scratch.system.blocks.sizeBytes(loop.path), SIZE * 2n);
    await loop.close();
  });

  test('a device that stays without a holder is detached, again without harm', async () => {
    const path = await image();
    const loop = await loops.attach(path, { readOnly: false, autoclear: false });
    await loop.close();
    assert.equal(backing(loop.path), true);
    await loops.detach(loop.path, path);
    await loops.detach(loop.path, path);
    assert.equal(backing(loop.path), false);
    await loops.detach('/dev/loop1000000', path);
    assert.equal(existsSync('/dev/loop1000000'), false);
  });

  test('a device without a file cannot be held', async () => {
    const path = await image();
    const loop = await loops.attach(path, { readOnly: false, autoclear: true });
    await loop.close();
    await assert.rejects(loops.hold(loop.path), { code: 'ENXIO' });
    await assert.rejects(loops.hold('/dev/null'), { code: 'EINVAL' });
  });
});

test('what is written to a device is in its image', async () => {
  const path = await image();
  const loop = await loops.attach(path, { readOnly: false, autoclear: true });
  writeFileSync(loop.path, Buffer.alloc(4096, 'x'), { flag: 'r+', flush: true });
  await loop.close();
  assert.equal(readFileSync(path).subarray(0, 4096).toString(), 'x'.repeat(4096));
  assert.equal(BigInt(statSync(path).size), SIZE);
});
