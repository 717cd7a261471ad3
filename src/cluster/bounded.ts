import { ConvoyError } from '../convoy/errors.ts';

/** At most so many at once, and nothing waits beyond its deadline. */

export interface Wait {
  /** Epoch milliseconds. */
  readonly deadline?: number;
  readonly signal?: AbortSignal;
}

/** The results in the order of `items`. After a failure nothing more is begun. */
export async function mapBounded<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = new Array<R>(items.length);
  const entries = items.entries();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of entries) {
      if (failed) return;
      try {
        results[index] = await work(item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}

/** The promise's outcome, or what `late` makes at the deadline, or the signal's reason. The work itself goes on. */
export async function within<T>(work: Promise<T>, { deadline, signal }: Wait, late: () => Error): Promise<T> {
  signal?.throwIfAborted();
  if (deadline === undefined && signal === undefined) return work;
  const ended = new AbortController();
  const limits = new Promise<never>((_, reject) => {
    if (deadline !== undefined) {
      const timer = setTimeout(() => reject(late()), clampDelay(deadline - Date.now()));
      ended.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    }
    signal?.addEventListener('abort', () => reject(reasonOf(signal)), { once: true, signal: ended.signal });
  });
  try {
    return await Promise.race([work, limits]);
  } finally {
    ended.abort();
  }
}

const reasonOf = ({ reason }: AbortSignal): Error =>
  reason instanceof Error ? reason : new ConvoyError('Cancelled', 'the caller gave up: the same call again goes on');

/** What setTimeout takes: beyond 2^31 it would fire at once. */
const clampDelay = (ms: number): number => Math.min(Math.max(ms, 0), 2_147_483_647);

interface Waiter {
  readonly enter: () => void;
}

/** Lets `width` in at once; the others queue in their order, each for as long as it may wait. */
export class Limit {
  readonly #width: number;
  readonly #queue = new Set<Waiter>();
  #running = 0;

  constructor(width: number) {
    this.#width = width;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  async run<T>(work: () => Promise<T>, wait: Wait, late: () => Error): Promise<T> {
    if (this.#running < this.#width) this.#running += 1;
    else await this.#enter(wait, late);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(wait: Wait, late: () => Error): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let entered = false;
    const waiter: Waiter = {
      enter: () => {
        entered = true;
        resolve();
      },
    };
    this.#queue.add(waiter);
    try {
      await within(promise, wait, late);
    } catch (error) {
      this.#queue.delete(waiter);
      // Its turn came in the same instant as its end: it goes to the next.
      if (entered) this.#leave();
      throw error;
    }
  }

  /** The place goes to the longest waiting one. */
  #leave(): void {
    const [next] = this.#queue;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#queue.delete(next);
    next.enter();
  }
}
