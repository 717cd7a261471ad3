import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import { checkName, formatId, isPoolName, localId, nodeKey, parseId } from '../../../src/convoy/ids.ts';

describe('ids', () => {
  it('gives the same id for the same name and never leaves its alphabet', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 64 }), (name) => {
        const id = localId('volume', name);
        assert.equal(id, localId('volume', name));
        assert.match(id, /^v[0-9a-f]{32}$/);
      }),
    );
  });

  it('keeps volumes and snapshots of one name apart', () => {
    assert.notEqual(localId('volume', 'a').slice(1), localId('snapshot', 'a').slice(1));
  });

  it('tells names apart that differ in case or by a separator', () => {
    const ids = ['A', 'a', 'a/b', 'ab', 'a b', 'a\nb', '../a', '__proto__'].map((name) => localId('volume', name));
    assert.equal(new Set(ids).size, ids.length);
  });

  it('parses what it made, and nothing else', () => {
    const id = formatId('fast', nodeKey('node-1'), localId('volume', 'x'));
    assert.deepEqual(parseId(id, 'volume'), { kind: 'volume', pool: 'fast', node: nodeKey('node-1'), local: localId('volume', 'x') });
    assert.ok(Buffer.byteLength(id) <= 128);
    for (const bad of [
      '',
      'fake-vol-id',
      `${id} `,
      `${id}/..`,
      id.toUpperCase(),
      `../${id}`,
      id.replace('fast', 'global'),
      id.replace('.v', '.s'),
      `${id}\n`,
    ])
      assert.equal(parseId(bad, 'volume'), undefined, bad);
    assert.equal(parseId(id, 'snapshot'), undefined);
  });

  it('knows good pool names', () => {
    for (const good of ['a', 'fast-1', 'x'.repeat(20)]) assert.ok(isPoolName(good), good);
    for (const bad of ['', 'global', 'A', '1a', 'x'.repeat(21), 'a.b', 'a/b', '-a']) assert.ok(!isPoolName(bad), bad);
  });
});

describe('names', () => {
  it('allows what CSI allows, hostile or not', () => {
    for (const name of ['../../etc', '__proto__', '-rf', 'a\tb\nc\r', '🚂'.repeat(32), 'x'.repeat(128), '.', ' '])
      assert.equal(checkName('name', name), name);
  });

  it('refuses the empty, the long and control characters, naming the field', () => {
    for (const name of ['', 'x'.repeat(129), '🚂'.repeat(33), 'a\u0000', 'a\u0008', 'a\u000b', 'a\u001f', 'a\u007f', 'a\u009f'])
      assert.throws(
        () => checkName('snapshot name', name),
        (error) => isConvoyError(error, 'InvalidArgument') && error.message.includes('snapshot name'),
      );
  });
});
