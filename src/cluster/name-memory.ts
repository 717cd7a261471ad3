import { localId, parseId } from '../convoy/ids.ts';
import { Recent } from './recent.ts';

/** Enough for what a cluster creates between two tries of one claim. */
const MOST = 10_000;

/**
 * On which node a create of a name was last tried, so that its retry goes there without asking all nodes again. A convenience:
 * after a restart the nodes are asked, which know.
 */
export class NameMemory {
  readonly #nodes: Recent<string>;

  constructor(most = MOST) {
    this.#nodes = new Recent(most);
  }

  find(name: string): string | undefined {
    return this.#nodes.get(localId('volume', name));
  }

  remember(name: string, key: string): void {
    this.#nodes.set(localId('volume', name), key);
  }

  forget(name: string): void {
    this.#nodes.delete(localId('volume', name));
  }

  /** Back to what `find` said before. */
  restore(name: string, before: string | undefined): void {
    if (before === undefined) this.forget(name);
    else this.remember(name, before);
  }

  /** Of a volume that is deleted. */
  forgetId(id: string): void {
    const parsed = parseId(id, 'volume');
    if (parsed !== undefined && this.#nodes.get(parsed.local) === parsed.node) this.#nodes.delete(parsed.local);
  }
}
