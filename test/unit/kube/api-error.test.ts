import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describe as describeCall, isStatus, notReached, refusedByApi } from '../../../src/kube/api-error.ts';

const lease = { api: 'coordination.k8s.io/v1', resource: 'leases', namespace: 'ns', name: 'l' };

describe('what the API server does not do', () => {
  it('is named as RBAC names it', () => {
    assert.equal(describeCall('update', lease), 'update leases.coordination.k8s.io "l" (namespace "ns")');
    assert.equal(describeCall('list', { api: 'v1', resource: 'persistentvolumes' }), 'list persistentvolumes');
  });

  it('has a code that says what the caller may do', () => {
    const codes = [401, 403, 404, 409, 410, 429, 500, 503, 400, 422].map((status) => refusedByApi('get', lease, status, {}).code);
    const away = 'Unavailable';
    assert.deepEqual(codes, [away, away, 'NotFound', 'Busy', away, away, away, away, 'Internal', 'Internal']);
  });

  it('never tells more of an answer than its beginning', () => {
    assert.ok(refusedByApi('get', lease, 500, { message: 'x'.repeat(10_000) }).message.length < 800);
  });

  it('keeps the first error when a call failed for one that is known', () => {
    const first = refusedByApi('get', lease, 409, {});
    assert.equal(notReached('get', lease, 'https://x', first), first);
    const other = notReached('get', lease, 'https://x', new Error('socket hang up'));
    assert.equal(other.code, 'Unavailable');
    assert.match(other.message, /https:\/\/x cannot be reached for "get leases.*socket hang up/);
    assert.deepEqual([isStatus(other, 0), isStatus(other, 409), isStatus(new Error('x'), 409)], [true, false, false]);
  });

  it('says why a call failed, not that it failed', () => {
    const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    const failed = new TypeError('fetch failed', { cause: refused });
    assert.match(notReached('get', lease, 'https://x', failed).message, /\(nothing listens there\)/);
    const reset = new TypeError('fetch failed', { cause: new Error('other side closed') });
    assert.match(notReached('get', lease, 'https://x', reset).message, /\(other side closed\)/);
  });
});
