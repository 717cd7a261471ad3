import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { AttachedLoop, FsType } from '../../../src/system/api.ts';
import { CAP_SYS_RESOURCE, hasCapability } from '../../../src/system/capability.ts';
import { openScratch, sh } from './scratch.ts';

const scratch = openScratch();
const { blocks, files, loops, mounts } = scratch.system;
const MIB = 2n ** 20n;

async function device(mib: bigint, thin = true): Promise<AttachedLoop & { readonly image: string }> {
  const image = join(scratch.directory(), 'image');
  await files.createImage(image, mib * MIB, { thin });
  const loop = await loops.attach(image, { readOnly: false, autoclear: true });
  return { ...loop, image };
}

async function put(path: string, position: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, position);
  await file.sync();
  await file.close();
}

describe('probe', () => {
  test('a zeroed device is blank', async () => {
    const loop = await device(32n);
    assert.deepEqual(await blocks.probe(loop.path), { kind: 'blank' });
    await loop.close();
  });

  test('one byte in the first or in the last MiB is unknown data', async () => {
    for (const position of [4_097, 31 * 2 ** 20 + 5]) {
      const loop = await device(32n);
      await put(loop.path, position, Buffer.from([1]));
      assert.deepEqual(await blocks.probe(loop.path), { kind: 'other', what: 'unknown data' });
      await loop.close();
    }
  });

  test('a partition table, a swap area and LUKS are other', async () => {
    const loop = await device(32n);
    await put(loop.path, 0, Buffer.concat([Buffer.from('LUKS\xba\xbe\0\x02', 'latin1'), Buffer.alloc(4088)]));
    assert.match(JSON.stringify(await blocks.probe(loop.path)), /"other"/);
    sh('mkswap', '--force', loop.path);
    assert.match(JSON.stringify(await blocks.probe(loop.path)), /"other".*swap/);
    await put(loop.path, 0, Buffer.alloc(1 << 20));
    const mbr = Buffer.alloc(512);
    mbr.writeUInt32LE(0x83, 450);
    mbr.writeUInt32LE(2048, 454);
    mbr.writeUInt32LE(4096, 458);
    mbr.writeUInt16LE(0xaa55, 510);
    await put(loop.path, 0, mbr);
    assert.deepEqual(await blocks.probe(loop.path), { kind: 'other', what: 'a partition table (dos)' });
    await loop.close();
  });

  test('an absent device is an error, never blank', async () => {
    await assert.rejects(blocks.probe('/dev/convoy-none'), { code: 'ENOENT' });
  });
});

describe('mkfs', () => {
  for (const [fsType, mib] of [
    ['ext4', 64n],
    ['xfs', 320n],
  ] as const satisfies readonly (readonly [FsType, bigint])[]) {
    test(`${fsType} is made, labelled, mounted, measured, and gives back no reserved block`, async () => {
      const loop = await device(mib, false);
      const reserved = statSync(loop.image).blocks;
      await blocks.mkfs(loop.path, fsType, { label: 'data' });
      const found = await blocks.probe(loop.path);
      assert.equal(found.kind === 'filesystem' ? found.type : found.kind, fsType);
      assert.equal(await blocks.fsSizeBytes(loop.path, fsType), mib * MIB);
      await blocks.check(loop.path, fsType);
      const target = scratch.directory();
      await mounts.mount({ source: loop.path, target, fsType, options: [] });
      writeFileSync(join(target, 'file'), 'x');
      assert.equal(await blocks.fsSizeBytes(loop.path, fsType), mib * MIB);
      await mounts.unmount(target);
      assert.ok(statSync(loop.image).blocks >= reserved, 'no hole was punched');
      await loop.close();
    });

    test(`${fsType} is not made over something, unless that is said`, async () => {
      const loop = await device(mib);
      await put(loop.path, 100, Buffer.from('precious'));
      await assert.rejects(blocks.mkfs(loop.path, fsType), { code: 'EEXIST', message: /unknown data/ });
      assert.equal(readFileSync(loop.image).subarray(100, 108).toString(), 'precious');
      await blocks.mkfs(loop.path, fsType, { force: true });
      await assert.rejects(blocks.mkfs(loop.path, fsType), { code: 'EEXIST', message: new RegExp(`a file system of type ${fsType}`) });
      await loop.close();
    });

    test(`${fsType} on too small a device says how much it needs`, async () => {
      const loop = await device(8n);
      await assert.rejects(blocks.mkfs(loop.path, fsType), { code: 'ERANGE', message: /needs at least \d+ MiB/ });
      await loop.close();
    });
  }

  test('a label that is too long is refused', async () => {
    const loop = await device(64n);
    await assert.rejects(blocks.mkfs(loop.path, 'ext4', { label: 'x'.repeat(17) }), { code: 'EINVAL' });
    await loop.close();
  });
});

test('a mounted xfs grows to its device, and again without harm', async () => {
  const loop = await device(320n);
  await blocks.mkfs(loop.path, 'xfs');
  const target = scratch.directory();
  await mounts.mount({ source: loop.path, target, fsType: 'xfs', options: [] });
  await files.growImage(loop.image, 640n * MIB, { thin: true });
  await loops.refreshSize(loop.path);
  await blocks.growMounted({ device: loop.path, target, fsType: 'xfs' });
  await blocks.growMounted({ device: loop.path, target, fsType: 'xfs' });
  assert.equal(await blocks.fsSizeBytes(loop.path, 'xfs'), 640n * MIB);
  await mounts.unmount(target);
  await loop.close();
});

test('an ext4 grows: mounted where the process may, unmounted anywhere', async () => {
  const loop = await device(64n);
  await blocks.mkfs(loop.path, 'ext4');
  await files.growImage(loop.image, 128n * MIB, { thin: true });
  await loops.refreshSize(loop.path);
  await blocks.growUnmounted(loop.path, 'ext4');
  await blocks.growUnmounted(loop.path, 'ext4');
  assert.equal(await blocks.fsSizeBytes(loop.path, 'ext4'), 128n * MIB);
  await files.growImage(loop.image, 160n * MIB, { thin: true });
  await loops.refreshSize(loop.path);
  const target = scratch.directory();
  await mounts.mount({ source: loop.path, target, fsType: 'ext4', options: [] });
  const grown = blocks.growMounted({ device: loop.path, target, fsType: 'ext4' });
  if (hasCapability(CAP_SYS_RESOURCE)) await grown;
  else await assert.rejects(grown, { code: 'EPERM', message: /CAP_SYS_RESOURCE/ });
  assert.equal(await blocks.fsSizeBytes(loop.path, 'ext4'), (hasCapability(CAP_SYS_RESOURCE) ? 160n : 128n) * MIB);
  await mounts.unmount(target);
  await loop.close();
});

test('block devices are told from files', async () => {
  const loop = await device(8n);
  assert.equal(await blocks.isBlockDevice(loop.path), true);
  assert.equal(await blocks.isBlockDevice(loop.image), false);
  await loop.close();
});
