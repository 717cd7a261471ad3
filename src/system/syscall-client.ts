import { Worker } from 'node:worker_threads';
import { fromWire } from './errno.ts';
import type { CallMessage, CallName, CallReply, Calls } from './syscall-protocol.ts';
import { workerUrl } from './worker-url.ts';

/** Asks the syscall worker; started by the first call, and again if it ever dies. */
export interface SyscallClient {
  call<K extends CallName>(name: K, request: Calls[K]['request']): Promise<Calls[K]['response']>;
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Enough for a table of thousands of devices, little enough to count against the node's memory budget. */
const LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2, codeRangeSizeMb: 8, stackSizeMb: 1 };

/**
 * One thread, one call at a time. `idleMs` ends the thread after so long without a call; without it the thread stays.
 * A dying worker rejects what it was asked; descriptors it had handed out stay open, they belong to the process.
 */
export function openSyscallClient(options: { readonly idleMs?: number } = {}): SyscallClient {
  const pending = new Map<number, Pending>();
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let lastId = 0;
  let closed = false;

  const settle = (reply: CallReply): void => {
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if (pending.size === 0) rest();
    if ('error' in reply) waiting?.reject(fromWire(reply.error));
    else waiting?.resolve(reply.value);
  };
  /** An idle thread must not keep a finished program alive. */
  const rest = (): void => {
    worker?.unref();
    if (options.idleMs !== undefined) idle = setTimeout(() => void stop(), options.idleMs).unref();
  };
  const fail = (died: Worker, error: Error): void => {
    if (worker !== died) return;
    worker = undefined;
    const lost = [...pending.values()];
    pending.clear();
    for (const { reject } of lost) reject(error);
  };
  const start = (): Worker => {
    const started = new Worker(workerUrl('syscall-worker'), { resourceLimits: LIMITS, execArgv: [], name: 'syscalls' });
    started.on('message', settle);
    started.on('error', (cause) => fail(started, new Error('the system call worker died', { cause })));
    started.on('exit', () => fail(started, new Error('the system call worker ended before it answered')));
    return started;
  };
  const stop = async (): Promise<void> => {
    const ending = worker;
    worker = undefined;
    await ending?.terminate();
  };

  return {
    call: async <K extends CallName>(call: K, request: Calls[K]['request']): Promise<Calls[K]['response']> => {
      if (closed) throw new Error(`system call ${call} after close`);
      clearTimeout(idle);
      worker ??= start();
      worker.ref();
      const id = ++lastId;
      const answer = new Promise<unknown>((resolve, reject) => pending.set(id, { resolve, reject }));
      const message: Pick<CallMessage, 'id' | 'call' | 'request'> = { id, call, request };
      worker.postMessage(message);
      return (await answer) as Calls[K]['response'];
    },
    close: async () => {
      closed = true;
      clearTimeout(idle);
      const lost = [...pending.values()];
      pending.clear();
      await stop();
      for (const { reject } of lost) reject(new Error('the system layer was closed'));
    },
  };
}
