import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { type CertificateRequest, type KeyPair, makeCertificate } from '../../../src/channel/certificates.ts';
import { namesNode, selfMadeCertificate } from '../../../src/channel/own-certificate.ts';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { nodeKey } from '../../../src/convoy/ids.ts';

const DAY_MS = 86_400_000;

describe("an agent's own certificate", () => {
  /** A clock that the test turns, and a maker that it lets fail. */
  const scene = () => {
    const requests: CertificateRequest[] = [];
    const state = { now: Date.UTC(2030, 0, 1), broken: false };
    const make = async (request: CertificateRequest): Promise<KeyPair> => {
      requests.push(request);
      if (state.broken) throw new ConvoyError('Unavailable', 'no memory for it');
      return { key: `key ${requests.length}`, certificate: `certificate ${requests.length}` };
    };
    return { requests, state, own: selfMadeCertificate('node-1', make, () => state.now) };
  };

  test('names the node and is made once', async () => {
    const { requests, own } = scene();
    const first = await own.current();
    assert.equal(await own.current(), first);
    assert.equal(requests.length, 1);
    assert.deepEqual(requests[0]?.names, [nodeKey('node-1'), 'node-1']);
    assert.equal(requests[0]?.purpose, 'server');
    assert.deepEqual(own.problems(), []);
  });

  test('is renewed long before it expires, and after the clock was set back', async () => {
    const { requests, state, own } = scene();
    const first = await own.current();
    state.now += 20 * DAY_MS;
    assert.equal(await own.current(), first);
    state.now += 1;
    const second = await own.current();
    assert.notEqual(second, first);
    assert.ok((requests[0]?.notAfter ?? 0) - state.now > 9 * DAY_MS, 'the old one would have held for days');
    state.now -= 2 * DAY_MS;
    assert.notEqual(await own.current(), second);
    assert.ok((requests[2]?.notBefore ?? Number.POSITIVE_INFINITY) < state.now, 'valid for a controller whose clock is behind');
  });

  test('that cannot be renewed stays in use, is told and is tried again after a while', async () => {
    const { requests, state, own } = scene();
    const first = await own.current();
    state.now += 21 * DAY_MS;
    state.broken = true;
    assert.equal(await own.current(), first);
    assert.deepEqual(own.problems(), ['no memory for it']);
    await own.current();
    assert.equal(requests.length, 2);
    state.now += 30_001;
    state.broken = false;
    assert.notEqual(await own.current(), first);
    assert.deepEqual(own.problems(), []);
  });

  test('is for a node by its name or its key, never by a wildcard', async () => {
    const made = async (...names: string[]): Promise<X509Certificate> =>
      new X509Certificate(
        (await makeCertificate({ purpose: 'server', subject: 'node-1', names, notBefore: Date.now(), notAfter: Date.now() + DAY_MS }))
          .certificate,
      );
    assert.equal(namesNode(await made('node-1'), 'node-1'), true);
    assert.equal(namesNode(await made(nodeKey('a node of no DNS name')), 'a node of no DNS name'), true);
    assert.equal(namesNode(await made('node-2'), 'node-1'), false);
    // The subject alone says nothing.
    assert.equal(namesNode(await made(), 'node-1'), false);
    assert.equal(namesNode(await made('example.org'), 'a.example.org'), false);
  });
});
