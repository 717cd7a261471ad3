import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configReference } from '../../../src/config/reference.ts';

describe('the config reference', () => {
  it('has a row with a description for every key', () => {
    const rows = configReference()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    assert.ok(rows.some((row) => row.startsWith('| `pools[].trashRetention` |')));
    for (const row of rows) assert.match(row, /^\| `[\w.[\]]+` \| [^|]+ \| [^|]* \| [^|]{10,} \|$/);
  });
});
