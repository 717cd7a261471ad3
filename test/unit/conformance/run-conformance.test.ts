import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CASES, checkSkips, summarize } from '../../../src/conformance/index.ts';

describe('the conformance suite', () => {
  it('has a title of its own for each case', () => {
    assert.equal(new Set(CASES.map((each) => each.title)).size, CASES.length);
  });

  it('refuses a skip that names no case', () => {
    checkSkips(new Map([[CASES[0]?.title ?? '', 'a reason']]));
    assert.throws(() => checkSkips(new Map([['a case that was renamed', 'a reason']])), /does not exist.*renamed/);
  });

  it('counts what it ran', () => {
    const result = (outcome: 'passed' | 'failed' | 'skipped') => ({ title: 'x', outcome, durationMs: 0 });
    assert.equal(summarize([result('passed'), result('passed'), result('skipped'), result('failed')]), '2 passed, 1 failed, 1 skipped');
  });
});
