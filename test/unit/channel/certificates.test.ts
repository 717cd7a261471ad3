import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { makeCertificateInChild } from '../../../src/channel/certificate-child.ts';
import { type CertificateRequest, makeCertificate } from '../../../src/channel/certificates.ts';
import { isFor, readCertificates, vouchedFor, whyNotNow } from '../../../src/channel/pem.ts';
import { isConvoyError } from '../../../src/convoy/errors.ts';

const START = Date.UTC(2030, 0, 1);
const DAY_MS = 86_400_000;
const request: CertificateRequest = {
  purpose: 'server',
  subject: 'convoy agent',
  names: ['node-1', '0123456789abcdef', 'not a name', '192.0.2.1', '-no'],
  notBefore: START,
  notAfter: START + DAY_MS,
};

describe('a certificate', () => {
  for (const [where, make] of [
    ['in this process', makeCertificate],
    ['in a process of its own', makeCertificateInChild],
  ] as const)
    test(`made ${where} is what was asked for`, async () => {
      const { key, certificate } = await make(request);
      const made = new X509Certificate(certificate);
      assert.equal(made.subject, 'CN=convoy agent');
      assert.equal(made.subjectAltName, 'DNS:node-1, DNS:0123456789abcdef');
      assert.deepEqual([made.validFromDate.getTime(), made.validToDate.getTime()], [START, START + DAY_MS]);
      assert.ok(made.checkPrivateKey(createPrivateKey(key)));
      assert.ok(made.verify(made.publicKey));
      assert.deepEqual(made.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
      assert.equal(made.ca, false);
      assert.deepEqual([isFor(made, 'server'), isFor(made, 'client')], [true, false]);
    });

  test('for a client is for no server', async () => {
    const made = new X509Certificate((await makeCertificate({ ...request, purpose: 'client', names: [] })).certificate);
    assert.deepEqual([isFor(made, 'server'), isFor(made, 'client')], [false, true]);
    assert.equal(made.subjectAltName, undefined);
  });

  test('has another key and number each time', async () => {
    const [one, two] = await Promise.all([makeCertificate(request), makeCertificate(request)]);
    assert.notEqual(one.key, two.key);
    assert.notEqual(new X509Certificate(one.certificate).serialNumber, new X509Certificate(two.certificate).serialNumber);
  });

  test('that cannot be made is told with the reason', async () => {
    await assert.rejects(makeCertificateInChild({ ...request, purpose: undefined, subject: undefined } as never), (error) => {
      assert.ok(isConvoyError(error, 'Unavailable'));
      assert.equal(
        error.message,
        "this agent's certificate could not be made, it will be tried again: TypeError: Cannot read properties of undefined (reading 'slice')",
      );
      return true;
    });
  });

  test('is not for every time, and the reason names clocks', async () => {
    const made = new X509Certificate((await makeCertificate(request)).certificate);
    assert.equal(whyNotNow(made, START), undefined);
    assert.match(
      whyNotNow(made, START - 1000) ?? '',
      /is not valid before 2030-01-01T00:00:00\.000Z and it is 2029-12-31T23:59:59.* clocks/,
    );
    assert.match(whyNotNow(made, START + DAY_MS + 1000) ?? '', /has expired at 2030-01-02T00:00:00\.000Z .*clock/);
  });

  test('is found among others and comments, and a damaged one is told', async () => {
    const [one, two] = await Promise.all([makeCertificate(request), makeCertificate(request)]);
    const found = readCertificates('f', `# one\n${one.certificate}\n# two\n${two.certificate}`);
    assert.deepEqual(
      found.map((each) => each.fingerprint256),
      [one, two].map(({ certificate }) => new X509Certificate(certificate).fingerprint256),
    );
    assert.deepEqual(readCertificates('f', 'nothing'), []);
    const damaged = one.certificate.replace('MII', 'AAA');
    assert.throws(() => readCertificates('f.crt', `${two.certificate}\n${damaged}`), /certificate 2 of f\.crt is damaged/);
  });

  test('vouches for itself and for no other', async () => {
    const [one, two] = (await Promise.all([makeCertificate(request), makeCertificate(request)])).map(
      ({ certificate }) => new X509Certificate(certificate),
    );
    assert.ok(one && two);
    assert.equal(vouchedFor(one, [two, one]), true);
    assert.equal(vouchedFor(one, [two]), false);
    assert.equal(vouchedFor(one, []), false);
  });
});
