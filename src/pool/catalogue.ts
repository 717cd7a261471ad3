import type { ObjectKind } from '../convoy/ids.ts';

/** What is kept in memory of an object, so that pages, promises and filters do not read every record. */
export interface CatalogueEntry {
  readonly sizeBytes: bigint;
  /** Snapshots: CSI id of the source volume. */
  readonly sourceVolumeId?: string;
  /** Not listed and not counted as whole, but its size is promised. */
  readonly pending: boolean;
}

/**
 * The objects of one pool by local id, in order. Made from the records when the pool opens and kept in step by the use
 * cases, which alone change records.
 */
export class Catalogue {
  readonly #entries = { volume: new Map<string, CatalogueEntry>(), snapshot: new Map<string, CatalogueEntry>() };
  readonly #order = { volume: [] as string[], snapshot: [] as string[] };
  #promisedBytes = 0n;

  /** Sum of the sizes of all volumes and snapshots, pending ones included. */
  get promisedBytes(): bigint {
    return this.#promisedBytes;
  }

  get(kind: ObjectKind, id: string): CatalogueEntry | undefined {
    return this.#entries[kind].get(id);
  }

  has(kind: ObjectKind, id: string): boolean {
    return this.#entries[kind].has(id);
  }

  count(kind: ObjectKind): number {
    return this.#entries[kind].size;
  }

  set(kind: ObjectKind, id: string, entry: CatalogueEntry): void {
    const before = this.#entries[kind].get(id);
    if (before === undefined) this.#order[kind].splice(position(this.#order[kind], id), 0, id);
    this.#promisedBytes += entry.sizeBytes - (before?.sizeBytes ?? 0n);
    this.#entries[kind].set(id, entry);
  }

  delete(kind: ObjectKind, id: string): void {
    const before = this.#entries[kind].get(id);
    if (before === undefined) return;
    this.#entries[kind].delete(id);
    this.#order[kind].splice(position(this.#order[kind], id), 1);
    this.#promisedBytes -= before.sizeBytes;
  }

  /** Ids after `cursor` in order, '' = from the start. A cursor whose object is gone still stands for its place. */
  *after(kind: ObjectKind, cursor: string): Iterable<string> {
    for (let last = cursor; ; ) {
      // In slices, continued by value: the list may change while a slow reader is between two of them.
      const order = this.#order[kind];
      const found = last === '' ? 0 : position(order, last);
      const start = order[found] === last ? found + 1 : found;
      const slice = order.slice(start, start + SLICE);
      if (slice.length === 0) return;
      yield* slice;
      last = slice.at(-1) ?? last;
    }
  }
}

const SLICE = 1024;

/** Where `id` stands, or would stand, in the sorted list (binary search). */
function position(order: readonly string[], id: string): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((order[middle] ?? '') < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
