import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { HttpMethod, RequestContext } from '@kubernetes/client-node/dist/api.js';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import { KubeConnection } from '../../../src/kube/connection.ts';

describe('connections to the API server', () => {
  let connection: KubeConnection;
  beforeEach(() => {
    connection = new KubeConnection();
    const ca = Buffer.from('of no use').toString('base64');
    connection.loadFromClusterAndUser(
      { name: 'c', server: 'https://192.0.2.1', skipTLSVerify: false, caData: ca },
      { name: 'u', token: 't' },
    );
  });
  afterEach(() => connection.close());

  async function request(): Promise<RequestContext> {
    const context = new RequestContext('https://192.0.2.1/version', HttpMethod.GET);
    await connection.applySecurityAuthentication(context);
    return context;
  }

  it('are kept from one request to the next, for a minute', async () => {
    let now = 0;
    const clock = mock.method(performance, 'now', () => now);
    try {
      const first = await request();
      assert.equal(first.getHeaders()['Authorization'], 'Bearer t');
      assert.ok(first.getDispatcher() !== undefined);
      now = 59_000;
      assert.equal((await request()).getDispatcher(), first.getDispatcher());
      now = 60_000;
      assert.notEqual((await request()).getDispatcher(), first.getDispatcher());
    } finally {
      clock.mock.restore();
    }
  });

  it('are made anew after a call without an answer', async () => {
    const first = (await request()).getDispatcher();
    connection.connectAnew();
    assert.notEqual((await request()).getDispatcher(), first);
  });

  it('name a file of credentials that cannot be read', async () => {
    connection.clusters[0] = { name: 'c', server: 'https://192.0.2.1', skipTLSVerify: false, caFile: '/nonexistent/ca.crt' };
    await assert.rejects(
      request(),
      (error) => isConvoyError(error, 'Unavailable') && /^\/nonexistent\/ca\.crt cannot be read \(ENOENT\)/.test(error.message),
    );
  });
});
