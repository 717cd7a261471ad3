import { invalid } from '../convoy/errors.ts';

/** Which pool is where: two pools that overlap would each take the other's files for its own. */
export class Places {
  readonly #claimed = new Map<string, string>();

  /** InvalidArgument when the place is, holds, or lies in that of another pool. */
  claim(pool: string, place: string): void {
    for (const [other, taken] of this.#claimed) {
      if (other === pool || !(within(place, taken) || within(taken, place))) continue;
      throw invalid(`pools ${other} (${taken}) and ${pool} (${place}) overlap: give each a place of its own`);
    }
    this.#claimed.set(pool, place);
  }
}

const within = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`);
