import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeCertificate } from '../../../src/channel/certificates.ts';
import { advance, certificatesOf, formatState, type IdentityState, parseState, type Rotation } from '../../../src/kube/identity-state.ts';
import { recordingLog } from '../../kube/recording-log.ts';

const MINUTE = 60_000;
const START = Date.parse('2030-01-01T00:00:00Z');

const rotation = (now: number, trusted = ''): Rotation => ({
  make: makeCertificate,
  lifetimeMs: 300 * MINUTE,
  overlapMs: 10 * MINUTE,
  now,
  trusted,
  log: recordingLog(),
});
/** What the Secret would hold, without what it has no value for. */
const stored = (state: IdentityState): Record<string, string> =>
  Object.fromEntries(Object.entries(formatState(state)).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));

describe("the state of the controller's identity", () => {
  it('is the same after it was written and read, at every stage of a rotation', async () => {
    let state = await advance(undefined, rotation(START));
    const stages = new Set<string>();
    for (let minute = 0; minute < 300; minute += 1) {
      const read = parseState(stored(state), recordingLog());
      assert.deepEqual(read, state);
      stages.add(Object.keys(stored(state)).sort().join());
      state = await advance(read, rotation(START + minute * MINUTE, certificatesOf(state)));
    }
    assert.equal(stages.size, 4, 'alone, with a next, with a trusted next, with a previous');
  });

  it('stays the very same object while nothing is due', async () => {
    const state = await advance(undefined, rotation(START));
    assert.equal(await advance(state, rotation(START + MINUTE, certificatesOf(state))), state);
    assert.equal(await advance(state, rotation(START + MINUTE, 'whatever')), state);
  });

  it('never cuts an overlap short for a date that a wrong clock wrote', async () => {
    const first = await advance(undefined, rotation(START));
    const due = START + 240 * MINUTE;
    const { next, ...rest } = await advance(first, rotation(due));
    assert.ok(next !== undefined);
    const future: IdentityState = { ...rest, next: { ...next, trustedSince: due + 1000 * MINUTE } };
    const trusted = certificatesOf(future);
    const counted = await advance(future, rotation(due, trusted));
    assert.equal(counted.next?.trustedSince, due);
    assert.equal((await advance(counted, rotation(due + 9 * MINUTE, trusted))).current.certificate, first.current.certificate);
    const used = await advance(counted, rotation(due + 10 * MINUTE, trusted));
    assert.equal(used.current.certificate, next.certificate);
    const wrong: IdentityState = { ...used, previous: { certificate: first.current.certificate, replacedAt: due + 1000 * MINUTE } };
    assert.equal((await advance(wrong, rotation(due + 20 * MINUTE))).previous?.replacedAt, due + 20 * MINUTE);
  });

  it('uses the next certificate at once when the current one has expired', async () => {
    const first = await advance(undefined, rotation(START));
    const waiting = await advance(first, rotation(START + 250 * MINUTE));
    const after = await advance(waiting, rotation(START + 400 * MINUTE));
    assert.deepEqual(after, { current: { key: waiting.next?.key, certificate: waiting.next?.certificate } });
  });

  it('is nothing when the current pair is missing or damaged, and goes on without what else is damaged', async () => {
    const state = await advance(undefined, rotation(START));
    const due = await advance(state, rotation(START + 240 * MINUTE));
    const data = stored(due);
    assert.equal(parseState({}, recordingLog()), undefined);
    const log = recordingLog();
    assert.equal(parseState({ ...data, 'current.key': due.next?.key ?? '' }, log), undefined);
    assert.equal(log.entries.filter((entry) => entry.startsWith('warn:')).length, 1);
    assert.deepEqual(parseState({ ...data, 'next.crt': 'x' }, recordingLog()), state);
    assert.deepEqual(parseState({ ...stored(state), 'previous.crt': 'x', 'next.trusted-since': 'y' }, recordingLog()), state);
    const noDate = parseState({ ...data, 'next.trusted-since': 'y' }, recordingLog());
    assert.equal(noDate?.next?.trustedSince, undefined);
  });
});
