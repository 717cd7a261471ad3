import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Limit, mapBounded, within } from '../../../src/cluster/bounded.ts';

const late = (): Error => new Error('late');
const tick = (): Promise<void> => new Promise(setImmediate);
const never = new Promise<never>(() => undefined);

describe('within', () => {
  test('gives the outcome of the work', async () => {
    assert.equal(await within(Promise.resolve(1), {}, late), 1);
    assert.equal(await within(Promise.resolve(1), { deadline: Date.now() + 1e12, signal: new AbortController().signal }, late), 1);
    await assert.rejects(within(Promise.reject(new Error('work')), { deadline: Date.now() + 60_000 }, late), /work/);
  });

  test('ends at the deadline, also one that has passed', async () => {
    await assert.rejects(within(never, { deadline: Date.now() + 5 }, late), /late/);
    await assert.rejects(within(never, { deadline: Date.now() - 5 }, late), /late/);
  });

  test('ends with the reason of the signal', async () => {
    const stop = new AbortController();
    const waiting = within(never, { signal: stop.signal }, late);
    stop.abort(new Error('gone away'));
    await assert.rejects(waiting, /gone away/);
    await assert.rejects(within(never, { signal: stop.signal }, late), /gone away/);
  });
});

describe('mapBounded', () => {
  test('keeps the order, and the bound', async () => {
    let running = 0;
    let most = 0;
    const results = await mapBounded([5, 1, 3, 2, 4], 2, async (item) => {
      most = Math.max(most, ++running);
      for (let turn = 0; turn < item; turn++) await tick();
      running -= 1;
      return item * 2;
    });
    assert.deepEqual(results, [10, 2, 6, 4, 8]);
    assert.equal(most, 2);
  });

  test('begins nothing more after a failure', async () => {
    const begun: number[] = [];
    const work = async (item: number): Promise<void> => {
      begun.push(item);
      await tick();
      if (item === 1) throw new Error('first');
    };
    await assert.rejects(mapBounded([1, 2, 3, 4, 5, 6], 2, work), /first/);
    await tick();
    await tick();
    assert.deepEqual(begun.slice(0, 2), [1, 2]);
    assert.ok(begun.length <= 3, `${begun.length} begun`);
  });

  test('of nothing is nothing', async () => assert.deepEqual(await mapBounded([], 3, async () => 1), []));
});

describe('Limit', () => {
  test('lets so many in, and the others in their order', async () => {
    const limit = new Limit(2);
    const order: number[] = [];
    const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const runs = gates.map(({ promise }, index) =>
      limit.run(
        async () => {
          order.push(index);
          await promise;
        },
        {},
        late,
      ),
    );
    await tick();
    assert.deepEqual(order, [0, 1]);
    assert.equal(limit.waiting, 2);
    gates[1]?.resolve();
    await runs[1];
    await tick();
    assert.deepEqual(order, [0, 1, 2]);
    for (const { resolve } of gates) resolve();
    await Promise.all(runs);
    assert.deepEqual(order, [0, 1, 2, 3]);
    assert.equal(limit.waiting, 0);
  });

  test('who waited too long is let go, and takes no place', async () => {
    const limit = new Limit(1);
    const gate = Promise.withResolvers<void>();
    const first = limit.run(() => gate.promise, {}, late);
    await assert.rejects(
      limit.run(async () => assert.fail('it ran'), { deadline: Date.now() + 5 }, late),
      /late/,
    );
    const stop = new AbortController();
    const second = limit.run(async () => assert.fail('it ran'), { signal: stop.signal }, late);
    stop.abort(new Error('left'));
    await assert.rejects(second, /left/);
    gate.resolve();
    await first;
    assert.equal(await limit.run(async () => 'in', {}, late), 'in');
  });

  test('a failure frees its place', async () => {
    const limit = new Limit(1);
    await assert.rejects(
      limit.run(() => Promise.reject(new Error('work')), {}, late),
      /work/,
    );
    assert.equal(await limit.run(async () => 'in', {}, late), 'in');
  });
});
