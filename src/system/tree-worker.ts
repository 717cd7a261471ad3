/** The thread of long jobs, one at a time (tree-jobs.ts). */
import { parentPort } from 'node:worker_threads';
import { toWire } from './errno.ts';
import { type Control, makeControl } from './tree/control.ts';
import { copyTree } from './tree/copy.ts';
import { copySparse } from './tree/data.ts';
import { measureTree } from './tree/measure.ts';
import { removeTree } from './tree/remove.ts';
import type { JobMessage, JobName, JobReply, Jobs } from './tree-protocol.ts';

const EXECUTORS: { readonly [K in JobName]: (request: Jobs[K]['request'], control: Control) => Jobs[K]['response'] } = {
  copyTree,
  copySparse,
  measureTree: ({ path }, control) => measureTree(path, control),
  removeTree: ({ path }, control) => removeTree(path, control),
};

const post = (reply: JobReply): void => parentPort?.postMessage(reply);

parentPort?.on('message', (message: JobMessage) => run(message));

function run({ job, request, cancel }: JobMessage): void {
  const bandwidth = 'bandwidth' in request ? request.bandwidth : undefined;
  const control = makeControl(cancel, { job, bandwidth, report: (done) => post({ kind: 'progress', ...done }) });
  try {
    control.check();
    const value = execute(job, request, control);
    post({ kind: 'progress', ...control.done() });
    post({ kind: 'done', value });
  } catch (error) {
    post({ kind: 'failed', error: toWire(error) });
  }
}

function execute<K extends JobName>(job: K, request: Jobs[K]['request'], control: Control): Jobs[K]['response'] {
  return EXECUTORS[job](request, control);
}
