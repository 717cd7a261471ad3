import type { CallContext, Progress } from '../convoy/contract.ts';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import type { Call, Job } from './api.ts';

/**
 * Work that survives the call that started it (docs/architecture.md, "Long work"). A job belongs to one object; the call waits
 * for it until shortly before its deadline, then answers Busy with the progress, and the retry finds the job. A failure that
 * nobody waited for is kept for the next call on the object, so that a user sees why.
 */
export interface JobRequest {
  readonly kind: Job['kind'];
  /** CSI id (or trash entry) of the object; with the pool it is the job's key. */
  readonly objectId: string;
  readonly pool: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** Copies and purges wait for a place; making an empty volume does not. */
  readonly bounded: boolean;
  readonly work: (context: CallContext) => Promise<void>;
  /** Gives back what the job holds, once it has ended: also when it was cancelled before its work began. */
  readonly release?: () => void;
}

export interface JobOptions {
  /** Bounded jobs of one pool and kind group that run at once. */
  readonly maxJobs: (pool: string) => number;
  readonly bandwidth: (pool: string) => number | undefined;
  readonly changed: (job: Job) => void;
}

export interface RunningJob {
  readonly job: Job;
  /** Waits until done (rethrowing its failure) or until the call must answer: then Busy. */
  wait(call: Call): Promise<void>;
  /** Asks it to stop and waits until it has. */
  cancel(call: Call): Promise<void>;
}

/** How long before its deadline a call answers: 2 s, or a fifth of a short deadline. */
const ANSWER_MARGIN_MS = 2000;
/** A failure that nobody asks for: sidecars come again within 5 minutes. */
const KEEP_FAILURE_MS = 15 * 60_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Jobs {
  readonly #options: JobOptions;
  readonly #jobs = new Map<string, Entry>();
  readonly #waiting: Entry[] = [];
  #counter = 0;
  #closing = false;

  constructor(options: JobOptions) {
    this.#options = options;
  }

  /** The job of this object, running or failed and not yet told. */
  find(objectId: string): RunningJob | undefined {
    return this.#jobs.get(objectId);
  }

  /** True from `close` on: nothing can be started any more. */
  get isClosing(): boolean {
    return this.#closing;
  }

  isRunning(objectId: string): boolean {
    return this.#jobs.get(objectId)?.settled === false;
  }

  start(request: JobRequest): RunningJob {
    if (this.#closing) throw new ConvoyError('Unavailable', 'the driver is stopping; try again');
    this.#counter += 1;
    const entry = new Entry(String(this.#counter), request, this.#options, () => this.#ended(entry));
    this.#jobs.set(request.objectId, entry);
    if (request.bounded && !this.#hasRoom(request)) this.#waiting.push(entry);
    else entry.begin();
    return entry;
  }

  list(): readonly Job[] {
    return [...this.#jobs.values()].map((entry) => entry.job);
  }

  /** Cancels all and waits; records stay pending, so that the next start resumes or clears them. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#waiting.length = 0;
    await Promise.all([...this.#jobs.values()].map((entry) => entry.stop()));
  }

  #hasRoom(request: JobRequest): boolean {
    const group = (kind: Job['kind']): boolean => (kind === 'purge') === (request.kind === 'purge');
    const running = [...this.#jobs.values()].filter(
      (entry) => entry.job.state === 'running' && entry.request.bounded && entry.request.pool === request.pool && group(entry.request.kind),
    );
    return running.length < this.#options.maxJobs(request.pool);
  }

  #ended(entry: Entry): void {
    // A failure stays until a call on the object has been told; everything else is forgotten.
    if (entry.job.state !== 'failed' || entry.toldOf || entry.request.kind === 'purge') this.#forget(entry);
    else {
      entry.onTold = () => this.#forget(entry);
      setTimeout(() => this.#forget(entry), KEEP_FAILURE_MS).unref();
    }
    if (this.#closing) return;
    for (const next of [...this.#waiting]) {
      if (next.settled) this.#waiting.splice(this.#waiting.indexOf(next), 1);
      else if (this.#hasRoom(next.request)) {
        this.#waiting.splice(this.#waiting.indexOf(next), 1);
        next.begin();
      }
    }
  }

  #forget(entry: Entry): void {
    if (this.#jobs.get(entry.request.objectId) === entry) this.#jobs.delete(entry.request.objectId);
  }
}

class Entry implements RunningJob {
  readonly request: JobRequest;
  settled = false;
  toldOf = false;
  onTold: () => void = () => {};
  readonly #options: JobOptions;
  readonly #ended: () => void;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #resolve: () => void = () => {};
  #error: Error | undefined;
  #job: Job;
  #begun = false;

  constructor(id: string, request: JobRequest, options: JobOptions, ended: () => void) {
    this.request = request;
    this.#options = options;
    this.#ended = ended;
    this.#job = {
      id,
      kind: request.kind,
      objectId: request.objectId,
      pool: request.pool,
      state: 'waiting',
      doneBytes: 0n,
      doneEntries: 0,
      startedAt: new Date(),
    };
    this.#done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get job(): Job {
    return this.#job;
  }

  begin(): void {
    if (this.settled) return;
    this.#begun = true;
    this.#set({ state: 'running' });
    const bandwidth = this.#options.bandwidth(this.request.pool);
    const context: CallContext = {
      signal: this.#abort.signal,
      secrets: this.request.secrets,
      progress: (done) => this.#progress(done),
      ...(bandwidth === undefined ? {} : { bandwidth: Math.max(1, Math.floor(bandwidth / this.#options.maxJobs(this.request.pool))) }),
    };
    void this.request.work(context).then(
      () => this.#settle(undefined),
      (error: unknown) => this.#settle(error instanceof Error ? error : new ConvoyError('Internal', `the job failed: ${String(error)}`)),
    );
  }

  async wait(call: Call): Promise<void> {
    if (!(await this.#doneBefore(call))) throw this.#stillRunning();
    this.toldOf = true;
    this.onTold();
    if (this.#error !== undefined) throw this.#error;
  }

  async cancel(call: Call): Promise<void> {
    this.#cancelWaiting();
    if (!(await this.#doneBefore(call)))
      throw new ConvoyError('Busy', `${this.#job.kind} of ${this.request.objectId} is being cancelled; try again`);
    this.toldOf = true;
    this.onTold();
  }

  async stop(): Promise<void> {
    this.#cancelWaiting();
    await this.#done;
  }

  #cancelWaiting(): void {
    this.#abort.abort();
    if (!this.#begun) this.#settle(new ConvoyError('Cancelled', 'cancelled before it started'));
  }

  #settle(error: Error | undefined): void {
    if (this.settled) return;
    this.settled = true;
    this.#error = error;
    this.request.release?.();
    if (error === undefined) this.#set({ state: 'done' });
    else this.#set({ state: 'failed', error: isConvoyError(error) ? error.message : 'internal error, see the log' });
    this.#resolve();
    this.#ended();
  }

  #progress(done: Progress): void {
    this.#set({
      doneBytes: done.doneBytes ?? this.#job.doneBytes,
      doneEntries: done.doneEntries ?? this.#job.doneEntries,
      ...(done.totalBytes === undefined ? {} : { totalBytes: done.totalBytes }),
    });
  }

  #set(change: Partial<Job>): void {
    this.#job = { ...this.#job, ...change };
    this.#options.changed(this.#job);
  }

  /** True when the job ended before the caller left or must be answered. */
  async #doneBefore(call: Call): Promise<boolean> {
    const left = call.deadline === undefined ? undefined : call.deadline - Date.now();
    let end: () => void = () => {};
    const leave = new Promise<false>((resolve) => {
      end = () => resolve(false);
    });
    const timer =
      left === undefined ? undefined : setTimeout(end, Math.min(Math.max(0, left - Math.min(ANSWER_MARGIN_MS, left / 5)), MAX_TIMER_MS));
    call.signal.addEventListener('abort', end, { once: true });
    if (call.signal.aborted) end();
    try {
      return await Promise.race([this.#done.then(() => true), leave]);
    } finally {
      clearTimeout(timer);
      call.signal.removeEventListener('abort', end);
    }
  }

  #stillRunning(): ConvoyError {
    const { kind, state, doneBytes, totalBytes, doneEntries } = this.#job;
    const size = totalBytes === undefined ? `${doneBytes} bytes` : `${doneBytes} of ${totalBytes} bytes`;
    const progress = state === 'waiting' ? 'waiting for other jobs' : `${size}, ${doneEntries} entries done`;
    return new ConvoyError('Busy', `${kind} of ${this.request.objectId} goes on (${progress}); the same call again finds it`);
  }
}
