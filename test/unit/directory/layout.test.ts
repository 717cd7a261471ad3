import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import { localId, nodeKey } from '../../../src/convoy/ids.ts';
import { formatTrashName, Layout, parseTrashName } from '../../../src/directory/layout.ts';

const layout = new Layout('/pool', 'data');
const volume = localId('volume', 'one');
const snapshot = localId('snapshot', 'one');
const HOSTILE = [
  '',
  '.',
  '..',
  '../x',
  'a/b',
  '/etc/passwd',
  'a\0b',
  `${volume}/..`,
  `../${volume}`,
  volume.toUpperCase(),
  `${volume} `,
  'config',
  'x'.repeat(300),
];

describe('layout of a directory pool', () => {
  it('keeps an object and its record in one directory', () => {
    assert.equal(layout.record('volume', volume), `/pool/volumes/${volume}/record.json`);
    assert.equal(layout.data('volume', volume), `/pool/volumes/${volume}/data`);
    assert.equal(layout.partial('snapshot', snapshot), `/pool/snapshots/${snapshot}/data.partial`);
  });

  it('says that no object has an id that is none', () => {
    for (const id of [...HOSTILE, snapshot])
      for (const path of ['place', 'record', 'data', 'partial'] as const)
        assert.throws(
          () => layout[path]('volume', id),
          (error) => isConvoyError(error, 'NotFound'),
          `${path} ${id}`,
        );
  });

  it('takes only harmless single names for the import folder', () => {
    assert.equal(layout.imported('old-data_1.img'), '/pool/import/old-data_1.img');
    for (const name of [...HOSTILE.filter((text) => text !== volume.toUpperCase() && text !== 'config'), '.hidden', '-rf', 'a b', 'ä'])
      assert.throws(
        () => layout.imported(name),
        (error) => isConvoyError(error, 'InvalidArgument'),
        name,
      );
  });

  it('notes a holder beside the volumes, under the key of its node, whatever that is called', () => {
    assert.equal(layout.holder(volume, 'node-1'), `/pool/holders/${volume}/${nodeKey('node-1')}`);
    for (const node of HOSTILE) assert.match(layout.holder(volume, node), new RegExp(`^/pool/holders/${volume}/[0-9a-f]{16}$`));
    for (const id of [...HOSTILE, snapshot])
      for (const path of ['holdersOf', 'holder'] as const)
        assert.throws(
          () => layout[path](id, 'node-1'),
          (error) => isConvoyError(error, 'NotFound'),
          `${path} ${id}`,
        );
  });

  it('never makes a path outside of the root, whatever text it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const make of [
          () => layout.data('volume', text),
          () => layout.imported(text),
          () => layout.trashEntry(text),
          () => layout.holder(text, 'node'),
          () => layout.holder(volume, text),
        ]) {
          try {
            assert.match(make(), /^\/pool\/(volumes|import|trash|holders)\/[^/]+(\/data|\/[0-9a-f]{16})?$/);
          } catch (error) {
            assert.ok(isConvoyError(error));
          }
        }
      }),
    );
  });

  it('also keeps to a root that is the root of the file system', () => {
    assert.equal(new Layout('/', 'image').data('volume', volume), `/volumes/${volume}/image`);
  });
});

describe('names in the trash', () => {
  it('give back what they were made of', () => {
    const at = new Date(1_700_000_000_123);
    assert.deepEqual(parseTrashName(formatTrashName('snapshot', snapshot, at, '0123abcd')), {
      kind: 'snapshot',
      id: snapshot,
      discardedAt: at,
    });
  });

  it('sort by time as text', () => {
    const names = [5, 1_000_000_000_000, 1_700_000_000_123, 99_999_999_999_999].map((time) =>
      formatTrashName('volume', volume, new Date(time), 'ffffffff'),
    );
    assert.deepEqual([...names].sort(), names);
  });

  it('are not taken for entries when they are foreign, or their kind and id disagree', () => {
    const good = formatTrashName('volume', volume, new Date(), '0123abcd');
    for (const name of ['', 'lost+found', `${good}x`, `x${good}`, `../${good}`, good.replace('-v-', '-s-')])
      assert.equal(parseTrashName(name), undefined, name);
    assert.throws(
      () => layout.trashEntry('../volumes'),
      (error) => isConvoyError(error, 'NotFound'),
    );
  });
});
