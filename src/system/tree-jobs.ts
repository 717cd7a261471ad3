import { Worker } from 'node:worker_threads';
import type { CopyCall } from './api.ts';
import { abortError, codeError, fromWire, hasCode } from './errno.ts';
import type { JobName, JobReply, Jobs } from './tree-protocol.ts';
import { workerUrl } from './worker-url.ts';

export interface TreeJobs {
  /** The bound on jobs at once is the caller's: each is a thread of some 10 MiB. */
  run<K extends JobName>(job: K, request: Jobs[K]['request'], call?: CopyCall): Promise<Jobs[K]['response']>;
  /** Cancels what runs and waits for its end. */
  close(): Promise<void>;
}

/** Names of one huge directory are what needs the memory; copied state is kept outside the heap. */
const LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 8, codeRangeSizeMb: 8, stackSizeMb: 1 };
/** A thread takes longer to start than a small tree to copy: one stays for the next job for so long. */
const IDLE_MS = 10_000;

export function openTreeJobs(): TreeJobs {
  const running = new Map<Worker, Int32Array>();
  const idle = new IdleWorker();
  let closed = false;

  const run = async <K extends JobName>(job: K, request: Jobs[K]['request'], call: CopyCall = {}): Promise<Jobs[K]['response']> => {
    if (closed) throw new Error(`${job} after close`);
    if (call.signal?.aborted === true) throw abortError(job);
    const cancel = new Int32Array(new SharedArrayBuffer(4));
    const worker = idle.take() ?? startWorker(idle);
    running.set(worker, cancel);
    try {
      return await cancellable(job, call, cancel, async () => {
        const answer = settled(worker, job, call);
        worker.postMessage({ job, request, cancel });
        return (await answer) as Jobs[K]['response'];
      });
    } finally {
      running.delete(worker);
      if (closed) await worker.terminate();
      else idle.put(worker);
    }
  };

  return {
    run,
    close: async () => {
      closed = true;
      for (const cancel of running.values()) requestCancel(cancel);
      await Promise.all([idle.end(), ...[...running.keys()].map((worker) => new Promise((resolve) => worker.once('exit', resolve)))]);
    },
  };
}

function startWorker(idle: IdleWorker): Worker {
  const worker = new Worker(workerUrl('tree-worker'), { resourceLimits: LIMITS, execArgv: [], name: 'tree' });
  // Also so that an error of a thread without work, to which nobody else listens, does not end the process.
  worker.on('error', () => idle.forget(worker)).once('exit', () => idle.forget(worker));
  return worker;
}

/** Carries the call's abort and deadline to the thread, which looks at `cancel` between its steps. */
async function cancellable<T>(job: JobName, call: CopyCall, cancel: Int32Array, work: () => Promise<T>): Promise<T> {
  const onAbort = (): void => requestCancel(cancel);
  call.signal?.addEventListener('abort', onAbort, { once: true });
  let timedOut = false;
  const onDeadline = (): void => {
    timedOut = true;
    requestCancel(cancel);
  };
  const deadline = call.timeoutMs === undefined ? undefined : setTimeout(onDeadline, call.timeoutMs);
  try {
    return await work();
  } catch (error) {
    // The worker knows only that it was told to stop.
    if (timedOut && hasCode(error, 'ABORT_ERR')) throw codeError('ETIMEDOUT', job, undefined, `not done within ${call.timeoutMs} ms`);
    throw error;
  } finally {
    clearTimeout(deadline);
    call.signal?.removeEventListener('abort', onAbort);
  }
}

/** At most one thread without work, for a while; it keeps no process alive. */
class IdleWorker {
  #worker: Worker | undefined;
  /** Threads that failed: they end by themselves, and get no further job. */
  readonly #failed = new WeakSet<Worker>();
  #timer: NodeJS.Timeout | undefined;

  take(): Worker | undefined {
    const worker = this.#worker;
    this.#worker = undefined;
    clearTimeout(this.#timer);
    worker?.ref();
    return worker;
  }

  put(worker: Worker): void {
    if (this.#worker !== undefined || this.#failed.has(worker)) {
      void worker.terminate();
      return;
    }
    this.#worker = worker;
    worker.unref();
    this.#timer = setTimeout(() => void this.end(), IDLE_MS);
    this.#timer.unref();
  }

  /** It failed or ended, at work or without. */
  forget(worker: Worker): void {
    this.#failed.add(worker);
    if (this.#worker === worker) this.#worker = undefined;
  }

  async end(): Promise<void> {
    await this.take()?.terminate();
  }
}

/** The job's answer. Jobs are synchronous in their thread: nothing of one goes on after it has answered. */
function settled(worker: Worker, job: JobName, call: CopyCall): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onMessage = (reply: JobReply): void => {
      if (reply.kind === 'progress') {
        call.progress?.({ entries: reply.entries, bytes: reply.bytes });
        return;
      }
      leave();
      if (reply.kind === 'failed') reject(fromWire(reply.error));
      else resolve(reply.value);
    };
    const onError = (cause: unknown): void => {
      leave();
      reject(new Error(`the worker of ${job} died`, { cause }));
    };
    const onExit = (): void => {
      leave();
      reject(new Error(`the worker of ${job} ended without an answer`));
    };
    const leave = (): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    };
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

function requestCancel(cancel: Int32Array): void {
  Atomics.store(cancel, 0, 1);
  Atomics.notify(cancel, 0);
}
