import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { OneByOne } from '../../../src/volume/one-by-one.ts';
import { VolumeUses } from '../../../src/volume/volume-uses.ts';

describe('callers that use a volume', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'convoy-uses-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  it('survive a restart of the program', async () => {
    const file = join(directory, 'restart.json');
    await new VolumeUses(file).write(['one', 'two']);
    assert.deepEqual(await new VolumeUses(file).callers(true), ['one', 'two']);
    assert.deepEqual(await new VolumeUses(file).callers(undefined), ['one', 'two']);
  });

  it('count for nothing when the mount table says that the volume is not mounted', async () => {
    const uses = new VolumeUses(join(directory, 'unmounted.json'));
    await uses.write(['one']);
    assert.deepEqual(await uses.callers(false), []);
  });

  it('count for nothing after another boot, and when the file is torn', async () => {
    const file = join(directory, 'boot.json');
    const uses = new VolumeUses(file);
    await uses.write(['one']);
    const stored = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...stored, boot: 'an earlier one' }));
    assert.deepEqual(await uses.callers(true), []);
    writeFileSync(file, '{"boot":');
    assert.deepEqual(await uses.callers(true), []);
  });
});

describe('works of one key', () => {
  it('run in their order, and a failure of one does not stop the next', async () => {
    const turns = new OneByOne();
    const order: string[] = [];
    const first = turns.run('a', async () => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push('first');
      throw new Error('its own matter');
    });
    const second = turns.run('a', async () => order.push('second'));
    const other = turns.run('b', async () => order.push('other'));
    await assert.rejects(first, /its own matter/);
    await Promise.all([second, other]);
    assert.deepEqual(order, ['other', 'first', 'second']);
  });
});
