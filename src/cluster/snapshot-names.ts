import { localId, parseId } from '../convoy/ids.ts';
import { Recent } from './recent.ts';

/** Enough for what a cluster cuts between two tries of one snapshot. */
const MOST = 10_000;

/**
 * Which snapshot a name was last given to. Snapshots are where their volume is, so that a name needs no search; this is for
 * the caller who gives one name to volumes of two nodes. After a restart such a name is not noticed: the orchestrators' names
 * are unique by themselves.
 */
export class SnapshotNames {
  readonly #ids = new Recent<string>(MOST);

  /** Id of the snapshot of this name on another node than `key`. */
  elsewhere(name: string, key: string): string | undefined {
    const id = this.#ids.get(localId('snapshot', name));
    return id === undefined || parseId(id, 'snapshot')?.node === key ? undefined : id;
  }

  remember(name: string, id: string): void {
    this.#ids.set(localId('snapshot', name), id);
  }

  forgetId(id: string): void {
    const parsed = parseId(id, 'snapshot');
    if (parsed !== undefined && this.#ids.get(parsed.local) === id) this.#ids.delete(parsed.local);
  }
}
