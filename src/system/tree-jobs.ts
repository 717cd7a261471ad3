import { Worker } from 'node:worker_threads';
import type { CopyCall } from './api.ts';
import { abortError, codeError, fromWire, hasCode } from './errno.ts';
import type { JobMessage, JobName, JobReply, Jobs } from './tree-protocol.ts';
import { workerUrl } from './worker-url.ts';

export interface TreeJobs {
  /** The bound on jobs at once is the caller's: each is a thread of some 10 MiB. */
  run<K extends JobName>(job: K, request: Jobs[K]['request'], call?: CopyCall): Promise<Jobs[K]['response']>;
  /** Cancels what runs and waits for its end. */
  close(): Promise<void>;
}

/** Names of one huge directory are what needs the memory; copied state is kept outside the heap. */
const LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 8, codeRangeSizeMb: 8, stackSizeMb: 1 };

export function openTreeJobs(): TreeJobs {
  const running = new Map<Worker, Int32Array>();
  let closed = false;

  const run = async <K extends JobName>(job: K, request: Jobs[K]['request'], call: CopyCall = {}): Promise<Jobs[K]['response']> => {
    if (closed) throw new Error(`${job} after close`);
    if (call.signal?.aborted === true) throw abortError(job);
    const cancel = new Int32Array(new SharedArrayBuffer(4));
    const message = { job, request, cancel } as JobMessage;
    const worker = new Worker(workerUrl('tree-worker'), { workerData: message, resourceLimits: LIMITS, execArgv: [], name: job });
    running.set(worker, cancel);
    const onAbort = (): void => requestCancel(cancel);
    call.signal?.addEventListener('abort', onAbort, { once: true });
    let timedOut = false;
    const onDeadline = (): void => {
      timedOut = true;
      requestCancel(cancel);
    };
    const deadline = call.timeoutMs === undefined ? undefined : setTimeout(onDeadline, call.timeoutMs);
    try {
      return (await settled(worker, job, call)) as Jobs[K]['response'];
    } catch (error) {
      // The worker knows only that it was told to stop.
      if (timedOut && hasCode(error, 'ABORT_ERR')) throw codeError('ETIMEDOUT', job, undefined, `not done within ${call.timeoutMs} ms`);
      throw error;
    } finally {
      clearTimeout(deadline);
      call.signal?.removeEventListener('abort', onAbort);
      running.delete(worker);
    }
  };

  return {
    run,
    close: async () => {
      closed = true;
      const ends = [...running].map(async ([worker, cancel]) => {
        const exit = new Promise((resolve) => worker.once('exit', resolve));
        requestCancel(cancel);
        await exit;
      });
      await Promise.all(ends);
    },
  };
}

/** The job's answer, once its thread has ended: nothing of a job goes on after its promise has settled. */
function settled(worker: Worker, job: JobName, call: CopyCall): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let outcome: Exclude<JobReply, { kind: 'progress' }> | undefined;
    worker.on('message', (reply: JobReply) => {
      if (reply.kind !== 'progress') outcome = reply;
      else call.progress?.({ entries: reply.entries, bytes: reply.bytes });
    });
    worker.once('error', (cause) => reject(new Error(`the worker of ${job} died`, { cause })));
    worker.once('exit', () => {
      if (outcome === undefined) reject(new Error(`the worker of ${job} ended without an answer`));
      else if (outcome.kind === 'failed') reject(fromWire(outcome.error));
      else resolve(outcome.value);
    });
  });
}

function requestCancel(cancel: Int32Array): void {
  Atomics.store(cancel, 0, 1);
  Atomics.notify(cancel, 0);
}
