import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntryTable } from '../../../src/system/tree/entry-table.ts';

const COUNT = 50_000;

test('records survive growth, and keys of other places stay unknown', () => {
  const table = new EntryTable();
  const root = table.rootKey();
  for (let n = 0; n < COUNT; n++) table.set(table.keyOf(root, Buffer.from(`f${n}`)), { digest: BigInt(n), trusted: n % 2 === 0 });
  for (let n = 0; n < COUNT; n++)
    assert.deepEqual(table.get(table.keyOf(root, Buffer.from(`f${n}`))), { digest: BigInt(n), trusted: n % 2 === 0 });
  assert.equal(table.get(table.keyOf(root, Buffer.from('absent'))), undefined);
});

test('the same name in another directory is another entry', () => {
  const table = new EntryTable();
  const a = table.keyOf(table.rootKey(), Buffer.from('a'));
  const b = table.keyOf(table.rootKey(), Buffer.from('b'));
  table.set(table.keyOf(a, Buffer.from('x')), { digest: 1n, trusted: true });
  assert.equal(table.get(table.keyOf(b, Buffer.from('x'))), undefined);
});

test('a second record of an entry replaces the first', () => {
  const table = new EntryTable();
  table.set(table.rootKey(), { digest: 1n, trusted: false });
  table.set(table.rootKey(), { digest: 2n, trusted: true });
  assert.deepEqual(table.get(table.rootKey()), { digest: 2n, trusted: true });
});
