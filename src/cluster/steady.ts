/** What int64 holds: what a pool answers that cannot know its room. */
const LARGEST = (1n << 63n) - 1n;
const MIB = 1n << 20n;

/** About 1/128 of the value, a power of two so that close values have the same one. */
export function stepOf(bytes: bigint): bigint {
  const step = bytes <= 0n ? 0n : (1n << BigInt(bytes.toString(2).length - 1)) >> 7n;
  return step > MIB ? step : MIB;
}

const roundDown = (bytes: bigint): bigint => (bytes === LARGEST ? bytes : bytes - (bytes % stepOf(bytes)));

/** Questions that are remembered: nodes times pools, far below it. */
const MOST = 100_000;

/**
 * Numbers that move only when something did: every change of one is a write to the API server. Never more than is there.
 * The answer before stands while it is true and not two steps too low, so that a value at the edge of a step does not flap.
 */
export class Steady {
  readonly #last = new Map<string, bigint>();

  answer(question: string, bytes: bigint): bigint {
    const last = this.#last.get(question);
    if (last !== undefined && last <= bytes && bytes !== LARGEST && bytes - last < 2n * stepOf(bytes)) return last;
    const rounded = roundDown(bytes);
    if (this.#last.size >= MOST) this.#last.clear();
    this.#last.set(question, rounded);
    return rounded;
  }
}
