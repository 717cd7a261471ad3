import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redact, STRIPPED, secretTexts, strikeOut } from '../../../src/csi/redact.ts';

const TOKENS = 'csi.storage.k8s.io/serviceAccount.tokens';

test('redaction works on a copy', () => {
  const request = Object.freeze({
    volumeId: 'a',
    secrets: Object.freeze({ key: 'hunter22' }),
    volumeCapability: Object.freeze({
      mount: Object.freeze({ fsType: 'xfs', mountFlags: Object.freeze(['noatime']) }),
      accessMode: { mode: 'SINGLE_NODE_WRITER' },
    }),
    volumeContext: Object.freeze({ pool: 'fast', [TOKENS]: 'jwt' }),
  });
  assert.deepEqual(redact('csi.v1.NodePublishVolumeRequest', request), {
    volumeId: 'a',
    secrets: STRIPPED,
    volumeCapability: { mount: { fsType: 'xfs', mountFlags: STRIPPED }, accessMode: { mode: 'SINGLE_NODE_WRITER' } },
    volumeContext: { pool: 'fast', [TOKENS]: STRIPPED },
  });
  assert.equal(request.secrets.key, 'hunter22');
});

test('lists of messages are redacted one by one, and absent messages stay absent', () => {
  const request = { volumeCapabilities: [{ mount: { mountFlags: ['o=secret'] } }, { block: {}, mount: null }], secrets: {} };
  assert.deepEqual(redact('csi.v1.CreateVolumeRequest', request), {
    volumeCapabilities: [{ mount: { mountFlags: STRIPPED } }, { block: {}, mount: null }],
    secrets: STRIPPED,
  });
});

test('a message without secrets is shared as it is', () => {
  const request = { maxEntries: 1 };
  assert.equal(redact('csi.v1.ListVolumesRequest', request), request);
});

test('secret texts are struck out longest first; names of flags and short texts stay', () => {
  const request = {
    secrets: { a: 'hunter', b: 'hunter22', c: 'xs' },
    volumeCapability: { mount: { mountFlags: ['noatime', 'pass=flagged'] } },
    volumeContext: { [TOKENS]: 'token-text' },
  };
  const texts = secretTexts('csi.v1.NodeStageVolumeRequest', request);
  assert.equal(
    strikeOut('hunter22 hunter xs noatime pass=flagged token-text', texts),
    `${STRIPPED} ${STRIPPED} xs noatime pass=${STRIPPED} ${STRIPPED}`,
  );
});

test('a key named like a rule of Object is no rule', () => {
  const request = Object.fromEntries([
    ['__proto__', 'a'],
    ['constructor', 'b'],
    ['secrets', {}],
  ]);
  const copy = redact('csi.v1.DeleteVolumeRequest', request) as Record<string, unknown>;
  assert.deepEqual(Object.entries(copy), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
    ['secrets', STRIPPED],
  ]);
});
