import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RecordOperations } from '../../../src/convoy/contract.ts';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import { localId } from '../../../src/convoy/ids.ts';
import { decodeRecord, encodeRecord, RecordBook, type VolumeRecord } from '../../../src/pool/records.ts';

const id = localId('volume', 'x');
const record: VolumeRecord = {
  version: 1,
  kind: 'volume',
  id,
  name: 'x',
  state: 'ready',
  size: '9223372036854775807',
  createdAt: '2026-01-01T00:00:00.000Z',
  use: { mount: true, block: false },
  format: 'blank',
  thin: false,
  consistency: 'point-in-time',
  options: {},
  driverParameters: {},
};

describe('records', () => {
  it('come back as they were written', () => {
    assert.deepEqual(decodeRecord('volume', id, encodeRecord(record)), record);
  });

  it('are damaged by any change of a byte', () => {
    const text = encodeRecord(record);
    for (const broken of [
      '',
      '{',
      'null',
      '[]',
      '{"body":1}',
      text.slice(0, -10),
      text.replace('"x"', '"y"'),
      text.replace('9223', '9224'),
    ])
      assert.throws(
        () => decodeRecord('volume', id, broken),
        (error) => isConvoyError(error, 'DataLoss') && error.message.includes(id),
      );
  });

  it('of a newer version are refused, not damaged', () => {
    assert.throws(
      () => decodeRecord('volume', id, encodeRecord({ ...record, version: 2 })),
      (error) => isConvoyError(error, 'Unavailable') && error.message.includes('version 2'),
    );
  });

  it('of another object are damaged', () => {
    assert.throws(
      () => decodeRecord('volume', localId('volume', 'y'), encodeRecord(record)),
      (error) => isConvoyError(error, 'DataLoss'),
    );
  });
});

describe('the record book', () => {
  it('loses no update when many are made at once', async () => {
    const texts = new Map<string, string>();
    const store: RecordOperations = {
      readRecord: async (_kind, key) => texts.get(key),
      writeRecord: async (_kind, key, text) => {
        await new Promise(setImmediate);
        texts.set(key, text);
      },
      removeRecord: async (_kind, key) => void texts.delete(key),
      listRecords: async () => [...texts.keys()],
    };
    const book = new RecordBook(store);
    await book.write({ ...record, size: '0' });
    await Promise.all(
      Array.from({ length: 50 }, () => book.update('volume', id, (found) => ({ ...found, size: String(BigInt(found.size) + 1n) }))),
    );
    assert.equal((await book.find('volume', id))?.size, '50');
  });
});
