import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AdminClient } from '../../../src/admin/client.ts';
import type { Context } from '../../../src/cli/context.ts';
import { createOutput } from '../../../src/cli/output.ts';
import type { JobMessage } from '../../../src/cli/shapes.ts';
import { withProgress } from '../../../src/cli/wait.ts';
import { ConvoyError, isConvoyError } from '../../../src/convoy/errors.ts';
import { localId } from '../../../src/convoy/ids.ts';

const job = (name: string, state: string): JobMessage => ({
  id: '1',
  kind: 'restore',
  objectId: `vfs.0123456789abcdef.${localId('volume', name)}`,
  pool: 'vfs',
  state,
  doneBytes: '1',
  totalBytes: '2',
  doneEntries: '0',
  startedAt: null,
  error: '',
});

/** A daemon whose jobs are these, one answer after the other. */
function contextOf(answers: readonly (readonly JobMessage[])[], signal = new AbortController().signal): Context {
  const left = [...answers];
  const client = {
    call: async (name: string) => {
      assert.equal(name, 'ListJobs');
      return { jobs: left.shift() ?? [] };
    },
    stream: async function* () {},
    close: () => {},
  } as unknown as AdminClient;
  return { client, signal, out: createOutput({ json: true }) };
}

const busy = new ConvoyError('Busy', 'a restore is running');

describe('a call that the daemon is busy with', () => {
  it('is made again while its own job runs, until it succeeds', async () => {
    const context = contextOf([[job('a', 'running')], [job('a', 'waiting')]]);
    let tries = 0;
    const result = await withProgress(context, { kind: 'volume', name: 'a' }, async () => {
      tries += 1;
      if (tries < 3) throw busy;
      return tries;
    });
    assert.equal(result, 3);
  });

  it('is made once more when no job of it runs, then fails as busy', async () => {
    const context = contextOf([[job('b', 'running'), job('a', 'done')], [job('b', 'running')]]);
    let tries = 0;
    const attempt = async (): Promise<never> => {
      tries += 1;
      throw busy;
    };
    await assert.rejects(withProgress(context, { kind: 'volume', name: 'a' }, attempt), { code: 'Busy' });
    assert.equal(tries, 2);
  });

  it('is not made again after any other error', async () => {
    const attempt = (): Promise<never> => Promise.reject(new ConvoyError('NoSpace', 'full'));
    await assert.rejects(withProgress(contextOf([]), { kind: 'volume', name: 'a' }, attempt), { code: 'NoSpace', message: 'full' });
  });

  it('that is interrupted says that its job goes on', async () => {
    const interrupt = new AbortController();
    const context = contextOf([[job('a', 'running')]], interrupt.signal);
    const attempt = (signal: AbortSignal): Promise<never> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new ConvoyError('Cancelled', 'interrupted')));
        interrupt.abort();
      });
    await assert.rejects(withProgress(context, { kind: 'volume', name: 'a' }, attempt), (error) => {
      assert.ok(isConvoyError(error, 'Cancelled'));
      assert.match(error.message, /the restore of volume "a" goes on in the daemon/);
      return true;
    });
  });
});
