import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FORWARDS_AT_ONCE } from '../../../src/cluster/agent-link.ts';
import { joinReasons } from '../../../src/cluster/errors.ts';
import { forwardDeadline } from '../../../src/cluster/forward.ts';
import { aCall, failureOf, startFleet } from './fleet.ts';

describe('the deadline of a forward', () => {
  test("is before the caller's, by 1.5 s or a fifth of what is left", () => {
    assert.equal(forwardDeadline(110_000, 100_000), 108_500);
    assert.equal(forwardDeadline(105_000, 100_000), 104_000);
    assert.equal(forwardDeadline(100_100, 100_000), 100_080);
    // Passed already.
    assert.equal(forwardDeadline(99_000, 100_000), 99_000);
  });

  test("lies between now and the caller's", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 10_000_000 }), (now, left) => {
        const deadline = forwardDeadline(now + left, now);
        assert.ok(deadline > now && deadline < now + left);
      }),
    );
  });

  test('is there even when the caller sets none', () => assert.equal(forwardDeadline(undefined, 1000), 601_000));

  test('reaches the agent', async () => {
    using fleet = await startFleet(['a']);
    const a = fleet.node('a');
    const volumeId = a.addVolume('v');
    const deadline = Date.now() + 10_000;
    await fleet.rpcs.ControllerGetVolume({ volumeId }, aCall({ deadline }));
    const asked = a.asked.find(({ rpc }) => rpc === 'ControllerGetVolume');
    assert.equal(asked?.deadline, deadline - 1500);
  });
});

describe('calls of one agent', () => {
  test('wait in a queue beyond so many at once, and are Busy when their time runs out there', async () => {
    using fleet = await startFleet(['a', 'b']);
    const a = fleet.node('a');
    const gate = Promise.withResolvers<void>();
    let most = 0;
    let running = 0;
    a.handlers.DeleteVolume = async () => {
      most = Math.max(most, ++running);
      await gate.promise;
      running -= 1;
      return {};
    };
    const request = { volumeId: a.addVolume('v'), secrets: {} };
    const calls = Array.from({ length: FORWARDS_AT_ONCE + 20 }, async () => fleet.rpcs.DeleteVolume(request, aCall()));
    const { code, message } = await failureOf(fleet.rpcs.DeleteVolume(request, aCall({ deadline: Date.now() + 50 })));
    assert.equal(code, 'Busy');
    assert.match(message, /node a has 64 calls under way and 21 waiting/);
    // Another node is not held up by it.
    await fleet.rpcs.DeleteVolume({ volumeId: fleet.node('b').volumeId('v'), secrets: {} }, aCall());
    gate.resolve();
    await Promise.all(calls);
    assert.equal(most, FORWARDS_AT_ONCE);
  });

  test('end with their caller', async () => {
    using fleet = await startFleet(['a']);
    const a = fleet.node('a');
    const seen: (AbortSignal | undefined)[] = [];
    a.handlers.DeleteVolume = (_request, { signal }) => {
      seen.push(signal);
      return {};
    };
    const stop = new AbortController();
    await fleet.rpcs.DeleteVolume({ volumeId: a.volumeId('v'), secrets: {} }, aCall({ signal: stop.signal }));
    stop.abort(new Error('gone away'));
    assert.equal(seen[0]?.aborted, true);
    await assert.rejects(
      async () => fleet.rpcs.DeleteVolume({ volumeId: a.volumeId('v'), secrets: {} }, aCall({ signal: stop.signal })),
      /gone away/,
    );
  });
});

describe('many reasons', () => {
  test('fit, whatever they are, and count what is left out', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 500 }), { maxLength: 50 }), (reasons) => {
        const joined = joinReasons(reasons);
        assert.ok(Buffer.byteLength(joined) <= 850, `${Buffer.byteLength(joined)} bytes`);
        assert.ok(joined.isWellFormed());
      }),
    );
    assert.equal(joinReasons(['a', 'b']), 'a; b');
    assert.match(joinReasons(Array.from({ length: 500 }, (_, index) => `node ${index} is full`)), /^node 0 is full; .*; and 4\d\d more$/);
  });
});
