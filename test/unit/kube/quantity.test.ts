import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseQuantity } from '../../../src/kube/quantity.ts';

describe('quantities of Kubernetes', () => {
  for (const [text, value] of [
    ['0', 0n],
    ['1073741824', 1073741824n],
    ['10Gi', 10n << 30n],
    ['1.5Gi', 1610612736n],
    ['.5Mi', 524288n],
    ['1Ki', 1024n],
    ['2Ei', 2n << 60n],
    ['1500M', 1_500_000_000n],
    ['1k', 1000n],
    ['1e9', 1_000_000_000n],
    ['12E2', 1200n],
    ['1E', 10n ** 18n],
    ['128974848000m', 128974848n],
    ['1m', 1n],
    ['1500u', 1n],
    ['25e-1', 3n],
    ['+7', 7n],
    ['9223372036854775807', 9223372036854775807n],
  ] as const)
    it(`reads ${text}`, () => assert.equal(parseQuantity(text), value));

  for (const text of ['', '.', 'Gi', '-1', '1 Gi', '1GiB', '1K', '0x10', '1e', '1e999', 'NaN', '1Gi\n'])
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseQuantity(text), undefined));
});
