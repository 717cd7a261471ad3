import { jobMessage } from './messages.ts';
import type { StreamRpc, UnaryRpc } from './rpc.ts';

export const listJobs: UnaryRpc<'ListJobs'> = async ({ pools }) => ({ jobs: pools.jobs().map(jobMessage) });

export const watchJobs: StreamRpc<'WatchJobs'> = async ({ pools }, _request, call, send) => {
  for (const job of pools.jobs()) send(jobMessage(job));
  await new Promise<void>((resolve) => {
    if (call.signal.aborted) return resolve();
    pools.watchJobs(call.signal, (job) => send(jobMessage(job)));
    call.signal.addEventListener('abort', () => resolve(), { once: true });
  });
};
