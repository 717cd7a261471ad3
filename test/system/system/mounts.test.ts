import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY } from '../../../src/system/constants.ts';
import { bindByRemount, umount } from '../../../src/system/kernel/mount.ts';
import { openScratch, sh } from './scratch.ts';

const scratch = openScratch();
const { mounts } = scratch.system;

function pair(): { source: string; target: string } {
  const base = scratch.directory();
  const [source, target] = [join(base, 'source'), join(base, 'target')];
  mkdirSync(source);
  mkdirSync(target);
  scratch.undo(() => sh('sh', '-c', 'umount -R "$1" 2>/dev/null; true', '-', target));
  return { source, target };
}

describe('bind', () => {
  test('a directory is seen at its target, and no more after unbind', async () => {
    const { source, target } = pair();
    await mounts.bind(source, target);
    writeFileSync(join(target, 'file'), 'x');
    assert.deepEqual(readdirSync(source), ['file']);
    assert.equal((await mounts.find(target))?.root.endsWith('/source'), true);
    await mounts.unbind(target);
    assert.deepEqual(readdirSync(target), []);
    assert.equal(await mounts.find(target), undefined);
  });

  test('a read-only bind refuses every write, the source stays writable', async () => {
    const { source, target } = pair();
    await mounts.bind(source, target, { readOnly: true });
    assert.throws(() => writeFileSync(join(target, 'file'), 'x'), { code: 'EROFS' });
    writeFileSync(join(source, 'file'), 'x');
    assert.deepEqual((await mounts.find(target))?.options.includes('ro'), true);
    await mounts.unbind(target);
  });

  test('a read-only bind is never seen writable', async () => {
    const { source, target } = pair();
    const watcher = writeUntilStopped(target);
    for (let round = 0; round < 200; round++) {
      await mounts.bind(source, target, { readOnly: true });
      await unbindWhenFree(target);
    }
    await watcher();
    assert.deepEqual(readdirSync(source), []);
  });

  test('flags are set and those of the source are kept', async () => {
    const { source, target } = pair();
    await mounts.bind(source, source, { flags: ['noexec', 'nodev'] });
    await mounts.bind(source, target, { flags: ['nosuid', 'noatime'] });
    const options = (await mounts.find(target))?.options ?? [];
    for (const option of ['rw', 'noexec', 'nodev', 'nosuid', 'noatime'])
      assert.ok(options.includes(option), `${option} in ${options.join()}`);
    await mounts.unbind(target);
    await mounts.unbind(source);
  });

  test('a flag that is not per mount is refused by name', async () => {
    const { source, target } = pair();
    await assert.rejects(mounts.bind(source, target, { flags: ['discard'] }), { code: 'EINVAL', message: /discard/ });
    assert.equal(await mounts.find(target), undefined);
  });

  test('a link as source or target is refused', async () => {
    const { source, target } = pair();
    symlinkSync(source, `${source}-link`);
    symlinkSync(target, `${target}-link`);
    await assert.rejects(mounts.bind(`${source}-link`, target), { code: 'ELOOP' });
    await assert.rejects(mounts.bind(source, `${target}-link`), { code: 'ELOOP' });
    await assert.rejects(mounts.unbind(`${target}-link`), { code: 'EINVAL' });
  });

  test('a file is bound onto a file, not onto a directory', async () => {
    const { source, target } = pair();
    writeFileSync(join(source, 'a'), 'content');
    writeFileSync(join(target, 'b'), '');
    await mounts.bind(join(source, 'a'), join(target, 'b'));
    assert.equal(statSync(join(target, 'b')).size, 7);
    await mounts.unbind(join(target, 'b'));
    await assert.rejects(mounts.bind(join(source, 'a'), target), { code: 'EISDIR' });
    await assert.rejects(mounts.bind(source, join(target, 'b')), { code: 'ENOTDIR' });
  });

  test('a mount below the source does not come along', async () => {
    const { source, target } = pair();
    mkdirSync(join(source, 'inner'));
    sh('mount', '-t', 'tmpfs', 'tmpfs', join(source, 'inner'));
    writeFileSync(join(source, 'inner', 'hidden'), '');
    await mounts.bind(source, target);
    assert.equal(existsSync(join(target, 'inner', 'hidden')), false);
    await mounts.unbind(target);
    sh('umount', join(source, 'inner'));
  });

  test('a mount in a shared parent is shared', async () => {
    const { source, target } = pair();
    const base = join(target, '..');
    sh('mount', '--bind', base, base);
    sh('mount', '--make-shared', base);
    scratch.undo(() => sh('umount', base));
    await mounts.bind(source, target);
    assert.match((await mounts.find(target))?.propagation.join() ?? '', /shared:/);
    await mounts.unbind(target);
  });

  test('hostile target names are mounted and found', async () => {
    const base = scratch.directory();
    for (const name of ['a b', 'tab\there', 'new\nline', 'back\\slash', 'oct\\040al', 'ünï', '-o']) {
      const target = join(base, name);
      mkdirSync(target);
      await mounts.bind(base, target);
      assert.equal((await mounts.find(target))?.target, target);
      assert.ok((await mounts.list()).some((entry) => entry.target === target));
      await mounts.unbind(target);
    }
  });

  test('the way of old kernels ends with the same flags', () => {
    const { source, target } = pair();
    bindByRemount({ source, target, set: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, clear: 0 });
    assert.throws(() => writeFileSync(join(target, 'file'), 'x'), { code: 'EROFS' });
    umount({ target });
    writeFileSync(join(target, 'file'), 'x');
  });
});

describe('unbind', () => {
  test('nothing mounted is EINVAL', async () => {
    await assert.rejects(mounts.unbind(scratch.directory()), { code: 'EINVAL' });
  });

  test('stacked mounts come off one by one, the top one is found', async () => {
    const { source, target } = pair();
    await mounts.bind(source, target);
    const below = (await mounts.find(target))?.id;
    await mounts.bind(scratch.directory(), target);
    assert.notEqual((await mounts.find(target))?.id, below);
    await mounts.unbind(target);
    assert.equal((await mounts.find(target))?.id, below);
    await mounts.unbind(target);
  });

  test('a mount in use is EBUSY and stays', async () => {
    const { source, target } = pair();
    await mounts.bind(source, target);
    const user = openHeld(join(target, 'used'));
    await assert.rejects(mounts.unbind(target), { code: 'EBUSY' });
    user();
    await mounts.unbind(target);
  });
});

describe('mount and unmount', () => {
  test('a device is mounted, synced and unmounted', async () => {
    const target = scratch.directory();
    await mounts.mount({ source: 'tmpfs', target, fsType: 'tmpfs', options: ['size=1m', 'mode=0700'] });
    assert.equal((await mounts.find(target))?.fsType, 'tmpfs');
    await mounts.syncfs(target);
    await mounts.unmount(target);
    await assert.rejects(mounts.unmount(target), { name: 'CommandError', reason: 'exit' });
  });
});

/** The watcher may be inside for a moment. */
async function unbindWhenFree(target: string): Promise<void> {
  for (;;) {
    try {
      return await mounts.unbind(target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    }
  }
}

function openHeld(path: string): () => void {
  const fd = openSync(path, 'w');
  return () => closeSync(fd);
}

/** A thread that tries to make a file in whatever is mounted at `target`, and removes what lands below the mount. */
function writeUntilStopped(target: string): () => Promise<void> {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const script = `const { workerData: { target, below, stop } } = require('node:worker_threads'); const fs = require('node:fs');
    while (Atomics.load(stop, 0) === 0) {
      // Only what is mounted counts: the directory itself is known by its inode.
      try { const dir = fs.openSync(target, 'r');
        if (fs.fstatSync(dir).ino !== below) try { fs.writeFileSync('/proc/self/fd/' + dir + '/written', ''); } catch {}
        fs.closeSync(dir);
      } catch {}
    }`;
  const worker = new Worker(script, { eval: true, workerData: { target, below: statSync(target).ino, stop } });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  return async () => {
    Atomics.store(stop, 0, 1);
    await ended;
  };
}
