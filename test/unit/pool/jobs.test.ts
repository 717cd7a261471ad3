import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConvoyError, isConvoyError } from '../../../src/convoy/errors.ts';
import type { Call } from '../../../src/pool/api.ts';
import { type JobRequest, Jobs } from '../../../src/pool/jobs.ts';

const call = (signal: AbortSignal = new AbortController().signal): Call => ({ signal, secrets: {}, requestId: 'r' });
const jobs = (maxJobs = 1): Jobs => new Jobs({ maxJobs: () => maxJobs, bandwidth: () => undefined, changed: () => {} });
const request = (objectId: string, work: JobRequest['work'], bounded = false): JobRequest => ({
  kind: 'restore',
  objectId,
  pool: 'p',
  secrets: {},
  bounded,
  work,
});

describe('jobs', () => {
  it('outlive the call that started them, and the retry finds them', async () => {
    const table = jobs();
    const done = Promise.withResolvers<void>();
    const leaving = new AbortController();
    const job = table.start(request('v', () => done.promise));
    const waiting = job.wait(call(leaving.signal));
    leaving.abort();
    await assert.rejects(waiting, (error) => isConvoyError(error, 'Busy') && error.message.includes('goes on'));
    const retry = table.find('v');
    assert.ok(retry);
    done.resolve();
    await retry.wait(call());
    assert.equal(table.find('v'), undefined);
  });

  it('answer before the deadline of the call', async () => {
    const table = jobs();
    const done = Promise.withResolvers<void>();
    const job = table.start(request('v', () => done.promise));
    await assert.rejects(job.wait({ ...call(), deadline: Date.now() + 50 }), (error) => isConvoyError(error, 'Busy'));
    done.resolve();
    await job.wait(call());
  });

  it('keep a failure for the next call and forget it once told', async () => {
    const table = jobs();
    const gone = new AbortController();
    gone.abort();
    const job = table.start(request('v', () => Promise.reject(new ConvoyError('Precondition', 'a.db kept changing'))));
    await job.wait(call(gone.signal)).catch(() => {});
    const told = table.find('v');
    if (told !== undefined) await assert.rejects(told.wait(call()), (error) => isConvoyError(error, 'Precondition'));
    assert.equal(table.find('v'), undefined);
  });

  it('are bounded in number, and the next starts when one ends', async () => {
    const table = jobs(1);
    const first = Promise.withResolvers<void>();
    const order: string[] = [];
    const one = table.start(request('a', async () => first.promise.then(() => void order.push('a')), true));
    const two = table.start(request('b', async () => void order.push('b'), true));
    assert.deepEqual(
      table.list().map((job) => job.state),
      ['running', 'waiting'],
    );
    first.resolve();
    await Promise.all([one.wait(call()), two.wait(call())]);
    assert.deepEqual(order, ['a', 'b']);
  });

  it('stop when cancelled, waiting or running', async () => {
    const table = jobs(1);
    const untilAborted: JobRequest['work'] = (context) =>
      new Promise((_resolve, reject) => {
        context.signal.addEventListener('abort', () => reject(new ConvoyError('Cancelled', 'stopped')), { once: true });
      });
    const one = table.start(request('a', untilAborted, true));
    const two = table.start(request('b', untilAborted, true));
    await two.cancel(call());
    await one.cancel(call());
    assert.deepEqual(table.list(), []);
  });
});
