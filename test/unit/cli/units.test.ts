import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toJson } from '../../../src/cli/output.ts';
import { formatBytes, formatDuration, printable } from '../../../src/cli/units.ts';

describe('sizes', () => {
  const CASES: readonly (readonly [bigint, string])[] = [
    [0n, '0 B'],
    [1023n, '1023 B'],
    [1024n, '1.0 KiB'],
    [1536n, '1.5 KiB'],
    [1n << 30n, '1.0 GiB'],
    [(1n << 40n) - 1n, '1023.9 GiB'],
    [1n << 40n, '1.0 TiB'],
    [(1n << 63n) - 1n, '8191.9 PiB'],
  ];
  for (const [bytes, text] of CASES) it(`${bytes} bytes are shown as ${text}`, () => assert.equal(formatBytes(bytes), text));
});

describe('durations', () => {
  for (const [ms, text] of [
    [0, '0 ms'],
    [999, '999 ms'],
    [61_000, '1 m'],
    [3 * 86_400_000, '3 d'],
    [-5, '0 ms'],
  ] as const)
    it(`${ms} milliseconds are shown as ${text}`, () => assert.equal(formatDuration(ms), text));
});

describe('hostile names', () => {
  it('cannot move the cursor, break a line or turn text around', () => {
    assert.equal(printable('a\u001b[2Jb\nc\u202Ed\u2028\u200b'), 'a\\u{1b}[2Jb\\u{a}c\\u{202e}d\\u{2028}\\u{200b}');
  });
  it('that are only foreign stay as they are', () => assert.equal(printable('größe-数据-😀'), 'größe-数据-😀'));
});

describe('JSON', () => {
  it('has exact integers beyond what a double holds', () => {
    assert.equal(toJson({ sizeBytes: (1n << 63n) - 1n }), '{\n  "sizeBytes": 9223372036854775807\n}');
  });
});
