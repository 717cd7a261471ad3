import { localId, parseId } from '../convoy/ids.ts';

/** Enough for what a cluster cuts between two tries of one snapshot. */
const MOST = 10_000;

/**
 * Which snapshot a name was last given to. Snapshots are where their volume is, so that a name needs no search; this is for
 * the caller who gives one name to volumes of two nodes. After a restart such a name is not noticed: the orchestrators' names
 * are unique by themselves.
 */
export class SnapshotNames {
  readonly #ids = new Map<string, string>();
  readonly #most: number;

  constructor(most = MOST) {
    this.#most = most;
  }

  /** Id of the snapshot of this name on another node than `key`. */
  elsewhere(name: string, key: string): string | undefined {
    const id = this.#ids.get(localId('snapshot', name));
    return id === undefined || parseId(id, 'snapshot')?.node === key ? undefined : id;
  }

  remember(name: string, id: string): void {
    const local = localId('snapshot', name);
    this.#ids.delete(local);
    this.#ids.set(local, id);
    if (this.#ids.size <= this.#most) return;
    const [oldest] = this.#ids.keys();
    if (oldest !== undefined) this.#ids.delete(oldest);
  }

  forgetId(id: string): void {
    const parsed = parseId(id, 'snapshot');
    if (parsed !== undefined && this.#ids.get(parsed.local) === id) this.#ids.delete(parsed.local);
  }
}
