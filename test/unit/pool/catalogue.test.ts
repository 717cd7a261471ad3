import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Catalogue } from '../../../src/pool/catalogue.ts';

describe('the catalogue', () => {
  it('keeps order and sum whatever is set and deleted', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 30 }), fc.bigInt({ min: 0n, max: 1000n }))), (steps) => {
        const catalogue = new Catalogue();
        const model = new Map<string, bigint>();
        for (const [add, number, sizeBytes] of steps) {
          const id = String(number).padStart(3, '0');
          if (add) {
            catalogue.set('volume', id, { sizeBytes, pending: false });
            model.set(id, sizeBytes);
          } else {
            catalogue.delete('volume', id);
            model.delete(id);
          }
        }
        assert.deepEqual([...catalogue.after('volume', '')], [...model.keys()].sort());
        assert.equal(
          catalogue.promisedBytes,
          [...model.values()].reduce((a, b) => a + b, 0n),
        );
      }),
    );
  });

  it('goes on after a cursor, also one whose object is gone', () => {
    const catalogue = new Catalogue();
    for (let number = 0; number < 3000; number += 1)
      catalogue.set('volume', String(number).padStart(4, '0'), { sizeBytes: 1n, pending: false });
    catalogue.delete('volume', '1500');
    assert.equal([...catalogue.after('volume', '1500')].length, 1499);
    assert.equal([...catalogue.after('volume', '1499')][0], '1501');
    assert.equal([...catalogue.after('volume', '')].length, 2999);
  });
});
