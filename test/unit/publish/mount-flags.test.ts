import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashFlags, parseMountFlags, requirePerMountOnly } from '../../../src/publish/mount-flags.ts';
import { parsePath } from '../../../src/publish/paths.ts';

const isInvalid = (error: unknown): boolean => (error as { code?: string }).code === 'InvalidArgument';

test('flags are told apart by who can set them', () => {
  assert.deepEqual(parseMountFlags(['ro', 'noatime', 'data=ordered', 'rw', 'defaults', 'nosuid']), {
    readOnly: true,
    perMount: ['noatime', 'nosuid'],
    fileSystem: ['data=ordered'],
  });
});

test('a flag that changes what is mounted, or hides another, is refused without being named', () => {
  for (const flag of [
    'bind',
    'rbind',
    'remount',
    'move',
    'loop',
    'loop=/dev/loop1',
    'make-rshared',
    'shared',
    'X-mount.mkdir=0700',
    'x-initrd',
    'offset=4096',
    'user',
    'a,b',
    'a b',
    '-t',
    'noload',
    'norecovery',
    'logdev=/dev/sdb',
    'a\nb',
    'a\0b',
  ])
    assert.throws(
      () => parseMountFlags(['noatime', flag]),
      (error: Error) => isInvalid(error) && error.message.includes('number 2') && !error.message.includes(`"${flag}"`),
      flag,
    );
  assert.throws(() => parseMountFlags(['x'.repeat(4097)]), isInvalid);
});

test('a directory takes no flags of a file system', () => {
  requirePerMountOnly(parseMountFlags(['noexec', 'ro']));
  assert.throws(
    () => requirePerMountOnly(parseMountFlags(['data=ordered'])),
    (error: Error) => isInvalid(error) && !error.message.includes('data=ordered'),
  );
});

test('flags are compared as a set and cannot be read back', () => {
  assert.deepEqual(hashFlags(['a', 'b', 'a']), hashFlags(['b', 'a']));
  assert.notDeepEqual(hashFlags(['a']), hashFlags(['b']));
  assert.ok(!JSON.stringify(hashFlags(['password=secret'])).includes('secret'));
});

test('paths are absolute and in one form, without dots', () => {
  assert.equal(parsePath('f', '/a//b/'), '/a/b');
  for (const path of ['', 'a/b', '/', '//', '/a/../b', '/a/./b', '/a\0b', `/${'x'.repeat(5000)}`])
    assert.throws(() => parsePath('f', path), isInvalid, path);
});
