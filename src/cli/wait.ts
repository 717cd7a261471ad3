import { setTimeout as delay } from 'node:timers/promises';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import type { ObjectKind } from '../convoy/ids.ts';
import { localId } from '../convoy/ids.ts';
import type { Context } from './context.ts';
import type { Progress } from './progress.ts';
import { createProgress } from './progress.ts';
import type { JobMessage } from './shapes.ts';

/** Whose job runs behind a call. */
export interface Subject {
  readonly kind: ObjectKind;
  /** The name that it is given, or its id. */
  readonly name: string;
}

/** Calls that end sooner show nothing and cost one request. */
const QUIET_MS = 300;
const POLL_MS = 500;

/**
 * Makes a call that may run long: shows the progress of the job behind it, and while the daemon answers Busy with a job on
 * that very object, waits for the job and calls again. Ctrl-C gives up waiting and says that the job goes on.
 */
export async function withProgress<T>(context: Context, subject: Subject, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const watching = new AbortController();
  const progress = createProgress(context.out, `${subject.kind} ${subject.name}`);
  const timer = setTimeout(() => void watch(context, subject, progress, watching.signal), QUIET_MS);
  try {
    return await persist(context, subject, attempt);
  } catch (error) {
    throw context.signal.aborted ? await interrupted(context, subject) : error;
  } finally {
    clearTimeout(timer);
    watching.abort();
    progress.stop();
  }
}

async function persist<T>(context: Context, subject: Subject, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
  // One more try without a running job: it may have ended between the answer and the question.
  for (let idle = 0; ; ) {
    try {
      return await attempt(context.signal);
    } catch (error) {
      if (!isConvoyError(error, 'Busy')) throw error;
      const running = await findJob(context, subject);
      if (running === undefined && ++idle > 1) throw error;
      if (running !== undefined) idle = 0;
      await delay(POLL_MS, undefined, { signal: context.signal });
    }
  }
}

async function watch(context: Context, subject: Subject, progress: Progress, signal: AbortSignal): Promise<void> {
  try {
    for await (const job of context.client.stream('WatchJobs', {}, signal)) if (isOf(job, subject)) progress.update(job);
  } catch {
    // Progress is a courtesy: what is wrong with the daemon is said by the call itself.
  }
}

async function interrupted(context: Context, subject: Subject): Promise<ConvoyError> {
  const job = await findJob(context, subject).catch(() => undefined);
  const what = `${subject.kind} ${JSON.stringify(subject.name)}`;
  if (job === undefined) return new ConvoyError('Cancelled', `interrupted while waiting for ${what}`);
  return new ConvoyError(
    'Cancelled',
    `interrupted; the ${job.kind} of ${what} goes on in the daemon ("convoy jobs" shows it, the same command again waits for it)`,
  );
}

async function findJob(context: Context, subject: Subject): Promise<JobMessage | undefined> {
  const { jobs } = await context.client.call('ListJobs', {});
  return jobs.find((job) => isOf(job, subject) && (job.state === 'running' || job.state === 'waiting'));
}

const isOf = (job: JobMessage, { kind, name }: Subject): boolean =>
  job.objectId === name || job.objectId.endsWith(`.${localId(kind, name)}`);
