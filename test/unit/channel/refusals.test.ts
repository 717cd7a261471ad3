import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Refusal } from '../../../src/channel/api.ts';
import { hostOf } from '../../../src/channel/gate.ts';
import { openRefusals } from '../../../src/channel/refusals.ts';

describe('refusals', () => {
  const scene = () => {
    const state = { now: 0 };
    const counted: Refusal[] = [];
    const lines: (readonly [fields: Readonly<Record<string, unknown>>, message: string])[] = [];
    const log = { warn: (fields: Readonly<Record<string, unknown>>, message: string) => void lines.push([fields, message]) };
    return {
      state,
      counted,
      lines,
      ...openRefusals(
        log,
        (reason) => void counted.push(reason),
        () => state.now,
      ),
    };
  };

  test('are all counted, and logged once a minute for each kind and peer', () => {
    const { refuse, counted, lines, state } = scene();
    for (let index = 0; index < 5; index += 1) refuse('handshake', '192.0.2.1', 'no TLS');
    refuse('handshake', '192.0.2.2', 'no TLS');
    refuse('untrusted_certificate', '192.0.2.1', 'who is it', { subject: 'CN=x' });
    assert.equal(counted.length, 7);
    assert.deepEqual(lines, [
      [{ refusal: 'handshake', peer: '192.0.2.1' }, 'no TLS'],
      [{ refusal: 'handshake', peer: '192.0.2.2' }, 'no TLS'],
      [{ refusal: 'untrusted_certificate', peer: '192.0.2.1', subject: 'CN=x' }, 'who is it'],
    ]);
    state.now += 60_000;
    refuse('handshake', '192.0.2.1', 'no TLS');
    assert.deepEqual(lines[3], [{ refusal: 'handshake', peer: '192.0.2.1', more_since_the_last: 4 }, 'no TLS']);
  });

  test('of very many peers are remembered for the latest only', () => {
    const { refuse, lines } = scene();
    for (let index = 0; index < 300; index += 1) refuse('handshake', `peer ${index}`, 'no TLS');
    refuse('handshake', 'peer 299', 'no TLS');
    assert.equal(lines.length, 300);
    refuse('handshake', 'peer 0', 'no TLS');
    assert.equal(lines.length, 301);
  });

  test('tell a peer by its address alone', () => {
    assert.equal(hostOf('192.0.2.1:1234'), '192.0.2.1');
    assert.equal(hostOf('::ffff:192.0.2.1:1234'), '192.0.2.1');
    assert.equal(hostOf('2001:db8::1:1234'), '2001:db8::1');
  });
});
