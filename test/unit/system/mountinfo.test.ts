import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findTopmost, parseMountinfo } from '../../../src/system/mountinfo.ts';
import { tearsMountinfo } from '../../../src/system/mounts.ts';

const line = (id: number, parent: number, target: string, rest = '- ext4 /dev/vda rw'): string =>
  `${id} ${parent} 8:1 / ${target} rw,relatime shared:7 ${rest}\n`;
const table = (...lines: string[]): Buffer => Buffer.from(lines.join(''), 'latin1');

test('every field of a line is read', () => {
  const [entry] = parseMountinfo(
    table('36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue\n'),
  );
  assert.deepEqual(entry, {
    id: 36,
    parentId: 35,
    device: '98:0',
    root: '/mnt1',
    target: '/mnt2',
    options: ['rw', 'noatime'],
    propagation: ['master:1', 'propagate_from:2'],
    fsType: 'ext3',
    source: '/dev/root',
    superOptions: ['rw', 'errors=continue'],
  });
});

test('a line without propagation fields is read', () => {
  assert.deepEqual(parseMountinfo(table('1 2 0:3 / / rw - tmpfs none rw\n'))[0]?.propagation, []);
});

test('blanks, tabs, newlines and backslashes in a target are decoded', () => {
  const [entry] = parseMountinfo(table(line(1, 0, '/a\\040b\\011c\\012d\\134e')));
  assert.equal(entry?.target, '/a b\tc\nd\\e');
});

test('a target that looks like an escape is not decoded twice', () => {
  assert.equal(parseMountinfo(table(line(1, 0, '/a\\134040')))[0]?.target, '/a\\040');
});

test('bytes of UTF-8 in a target become text', () => {
  const bytes = Buffer.from('/päd').toString('latin1');
  assert.equal(parseMountinfo(table(line(1, 0, bytes)))[0]?.target, '/päd');
});

test('a deleted root keeps its mark', () => {
  assert.equal(parseMountinfo(table('1 2 0:3 /x//deleted /t rw - tmpfs none rw\n'))[0]?.root, '/x//deleted');
});

test('a line of an unknown shape is an error', () => {
  assert.throws(() => parseMountinfo(table('1 2 0:3\n')), /unknown shape/);
});

test('find takes an exact target only', () => {
  const mounts = table(line(1, 0, '/pool'), line(2, 1, '/pool/a'), line(3, 1, '/pool/ab'));
  assert.equal(findTopmost(mounts, '/pool/a')?.id, 2);
  assert.equal(findTopmost(mounts, '/pool/'), undefined);
  assert.equal(findTopmost(mounts, '/poo'), undefined);
});

test('find is not led astray by the same text in another field', () => {
  const mounts = table('5 1 0:3 /t /elsewhere rw - fuse /t rw\n', line(6, 1, '/t'));
  assert.equal(findTopmost(mounts, '/t')?.id, 6);
});

test('find sees the mount on top, in whatever order the table names the stack', () => {
  assert.equal(findTopmost(table(line(10, 1, '/t'), line(11, 10, '/t')), '/t')?.id, 11);
  assert.equal(findTopmost(table(line(11, 10, '/t'), line(10, 1, '/t')), '/t')?.id, 11);
});

test('find encodes what the kernel encodes', () => {
  assert.equal(findTopmost(table(line(4, 1, '/a\\040\\134b#')), '/a \\b#')?.id, 4);
});

test('only kernels before 5.8 tear the table', () => {
  assert.deepEqual(['4.19.0', '5.7.9-amd64', '5.8.0', '5.10.0-30', '6.1.0'].map(tearsMountinfo), [true, true, false, false, false]);
});
