import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { status } from '@grpc/grpc-js';
import { fromServiceError } from '../../../src/admin/client.ts';
import { adminDefinition, SERVICE, STREAMS } from '../../../src/admin/definitions.ts';
import { toServiceError } from '../../../src/admin/server.ts';
import { CLUSTER_UNARY, STREAMING, UNARY } from '../../../src/admin/service.ts';
import { EXIT_CODES } from '../../../src/cli/exit-codes.ts';
import type { ErrorCode } from '../../../src/convoy/errors.ts';
import { ConvoyError } from '../../../src/convoy/errors.ts';

describe('the admin service', () => {
  it('serves every RPC of its proto file, each in its way', () => {
    const served = { ...UNARY, ...STREAMING, ...CLUSTER_UNARY };
    assert.deepEqual(Object.keys(served).sort(), Object.keys(adminDefinition()).sort());
    for (const [name, method] of Object.entries(adminDefinition())) {
      assert.equal(method.path, `/${SERVICE}/${name}`);
      assert.equal(method.responseStream, (STREAMS as readonly string[]).includes(name), name);
    }
  });

  for (const code of Object.keys(EXIT_CODES) as ErrorCode[])
    it(`carries the error ${code} to its caller`, () => {
      const back = fromServiceError(toServiceError(new ConvoyError(code, 'why'), 'r1'), '/x.sock');
      assert.equal(back.code, code);
      assert.equal(back.message, code === 'Internal' ? "internal error, see the daemon's log, request r1" : 'why');
    });

  it('keeps what is no error of ours to the log', () => {
    for (const thrown of [new Error('/secret/path'), 'text', undefined, { message: 'x' }]) {
      const failure = toServiceError(thrown, 'r1');
      assert.deepEqual([failure.code, failure.details], [status.INTERNAL, "internal error, see the daemon's log, request r1"]);
    }
  });

  it('cuts a message that no trailer could carry', () => {
    assert.ok(toServiceError(new ConvoyError('NotFound', 'x'.repeat(10_000_000)), 'r1').details.length <= 1500);
  });
});

describe('the admin client', () => {
  const error = (code: status, details = '') =>
    Object.assign(new Error(details), { code, details, metadata: toServiceError(new ConvoyError('Busy', ''), '').metadata.clone() });
  const plain = (code: status, details = '') => {
    const made = error(code, details);
    made.metadata.remove('convoy-code');
    return fromServiceError(made, '/x.sock');
  };
  it('says what to do when no daemon answers', () => {
    assert.deepEqual([plain(status.UNAVAILABLE).code, plain(status.UNAVAILABLE).message.includes('unix:///x.sock')], ['Unavailable', true]);
  });
  it('tells a socket that this user may not open from one where nobody answers', () => {
    const refused = plain(status.UNAVAILABLE, 'No connection established. Last error: connect EACCES /x.sock');
    assert.equal(refused.code, 'Unavailable');
    assert.match(refused.message, /^this user may not open unix:\/\/\/x\.sock: run the command as root$/);
  });
  it('takes a foreign server for what it is', () => assert.equal(plain(status.UNIMPLEMENTED).code, 'NotSupported'));
  it('takes a cancelled call for an interrupt', () => assert.equal(plain(status.CANCELLED).code, 'Cancelled'));
  it('does not trust a code that it does not know', () => {
    const made = error(status.ABORTED, 'what');
    made.metadata.set('convoy-code', 'toString');
    assert.equal(fromServiceError(made, '/x.sock').code, 'Internal');
  });
});
