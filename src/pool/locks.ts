import { ConvoyError } from '../convoy/errors.ts';

/** Keys of one call: all are taken at once or none is. */
export interface LockKeys {
  readonly exclusive?: readonly string[];
  readonly shared?: readonly string[];
  /** Completes "… is busy: <doing>" for whoever finds it taken. */
  readonly doing: string;
}

/**
 * Locks by object, in this process (the pool's marker lock keeps other processes out). They are tried, never waited for: a
 * call that finds a key taken answers Busy (ABORTED) and the sidecar comes again. Check and acquire are one synchronous step.
 */
export class Locks {
  readonly #held = new Map<string, { readers: number; doing: string }>();

  /** Takes all keys or throws Busy. Dispose to release. */
  acquire(keys: LockKeys): Disposable {
    const exclusive = [...new Set(keys.exclusive ?? [])];
    const shared = [...new Set(keys.shared ?? [])].filter((key) => !exclusive.includes(key));
    for (const key of exclusive) this.#refuseIf(this.#held.has(key), key);
    for (const key of shared) this.#refuseIf(this.#held.get(key)?.readers === 0, key);
    for (const key of exclusive) this.#held.set(key, { readers: 0, doing: keys.doing });
    for (const key of shared) this.#held.set(key, { readers: (this.#held.get(key)?.readers ?? 0) + 1, doing: keys.doing });
    let released = false;
    return {
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        for (const key of exclusive) this.#held.delete(key);
        for (const key of shared) this.#release(key);
      },
    };
  }

  #refuseIf(taken: boolean, key: string): void {
    if (taken)
      throw new ConvoyError(
        'Busy',
        `${key.replace('/', ' ')} is busy: ${this.#held.get(key)?.doing ?? 'another call works on it'}; try again`,
      );
  }

  #release(key: string): void {
    const entry = this.#held.get(key);
    if (entry === undefined) return;
    if (entry.readers > 1) entry.readers -= 1;
    else this.#held.delete(key);
  }
}
