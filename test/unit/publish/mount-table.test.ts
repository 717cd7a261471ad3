import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWithin, locate, mountsBelow, mountsFrom, mountsOf, topmostAt } from '../../../src/publish/mount-table.ts';
import type { MountEntry } from '../../../src/system/api.ts';

const mount = (id: number, parentId: number, target: string, device: string, root = '/'): MountEntry => ({
  id,
  parentId,
  device,
  root,
  target,
  options: ['rw'],
  propagation: [],
  fsType: 'ext4',
  source: '/dev/x',
  superOptions: ['rw'],
});

const TABLE = [
  mount(1, 0, '/', '8:1'),
  mount(2, 1, '/pool', '8:2', '/data'),
  mount(3, 1, '/pods/vol1', '8:2', '/data/v1'),
  mount(4, 1, '/pods/vol10', '8:2', '/data/v10'),
  mount(5, 1, '/pods/sub', '8:2', '/data/v1/sub'),
  mount(6, 3, '/pods/vol1', '8:3'),
];

test('a path is located in the file system that is mounted above it, by the root of that mount', () => {
  assert.deepEqual(locate(TABLE, '/pool/v1'), { device: '8:2', root: '/data/v1' });
  assert.deepEqual(locate(TABLE, '/poolish'), { device: '8:1', root: '/poolish' });
  assert.deepEqual(locate(TABLE, '/pool'), { device: '8:2', root: '/data' });
});

test('what a later mount covers does not count', () => {
  assert.deepEqual(locate(TABLE, '/pods/vol1/file'), { device: '8:3', root: '/file' });
  const covered = [mount(1, 0, '/', '8:1'), mount(2, 1, '/a/b', '8:2'), mount(3, 1, '/a', '8:3')];
  assert.deepEqual(locate(covered, '/a/b/c'), { device: '8:3', root: '/b/c' });
});

test('mounts are matched whole, never by a part of a name', () => {
  const targets = (entries: readonly MountEntry[]): string[] => entries.map((entry) => entry.target);
  assert.deepEqual(targets(mountsOf(TABLE, { device: '8:2', root: '/data/v1' })), ['/pods/vol1']);
  assert.deepEqual(targets(mountsFrom(TABLE, { device: '8:2', root: '/data/v1' })), ['/pods/vol1', '/pods/sub']);
  assert.deepEqual(targets(mountsBelow(TABLE, '/pods')), ['/pods/vol1', '/pods/vol10', '/pods/sub', '/pods/vol1']);
  assert.equal(topmostAt(TABLE, '/pods/vol1')?.id, 6);
  assert.equal(topmostAt(TABLE, '/pods/vol'), undefined);
});

test('a directory is within itself and the root, not within a longer namesake', () => {
  assert.ok(isWithin('/a', '/a') && isWithin('/a/b', '/a') && isWithin('/a', '/'));
  assert.ok(!isWithin('/ab', '/a') && !isWithin('/', '/a'));
});
