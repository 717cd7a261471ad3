import { parseId } from '../convoy/ids.ts';
import type { Agents } from './agents.ts';
import type { ClaimedVolume, ClusterView, GoneNodes } from './api.ts';
import { goneByKey } from './gone.ts';
import { GLOBAL, type Router } from './router.ts';

/** Nodes of PersistentVolumes change seldom, and a list of many pages asks for each. */
const FRESH_MS = 30_000;

/**
 * The nodes that must answer for a list to be whole: those that discovery knows, and those that PersistentVolumes are on, so
 * that a node whose agent is missing just now does not drop out unnoticed. Who was declared gone need not.
 */
export class Members {
  readonly #router: Router;
  readonly #goneNodes: Pick<GoneNodes, 'list'>;
  readonly #view: Pick<ClusterView, 'persistentVolumes'> | undefined;
  #claimed: { readonly keys: Promise<ReadonlySet<string>>; readonly at: number } | undefined;

  constructor(router: Router, goneNodes: Pick<GoneNodes, 'list'>, view: Pick<ClusterView, 'persistentVolumes'> | undefined) {
    this.#router = router;
    this.#goneNodes = goneNodes;
    this.#view = view;
  }

  /** Keys in order. Unavailable while it is not known. */
  async keys(): Promise<readonly string[]> {
    const gone = goneByKey(this.#goneNodes);
    const keys = new Set([...knownKeys(this.#router.agents), ...(await this.#ofVolumes())]);
    if (this.#router.servesGlobal) keys.add(GLOBAL);
    return [...keys].filter((key) => !gone.has(key)).sort();
  }

  async #ofVolumes(): Promise<ReadonlySet<string>> {
    if (this.#view === undefined) return new Set();
    if (this.#claimed === undefined || Date.now() - this.#claimed.at > FRESH_MS)
      this.#claimed = { keys: this.#view.persistentVolumes().then(nodesOf), at: Date.now() };
    const asked = this.#claimed;
    try {
      return await asked.keys;
    } catch (error) {
      if (this.#claimed === asked) this.#claimed = undefined;
      throw error;
    }
  }
}

const knownKeys = (agents: Agents): readonly string[] => agents.links().map(({ key }) => key);

/** Of ids that are ours; `global` is no node. */
export function nodesOf(volumes: readonly Pick<ClaimedVolume, 'volumeId'>[]): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const { volumeId } of volumes) {
    const key = parseId(volumeId, 'volume')?.node;
    if (key !== undefined && key !== GLOBAL) keys.add(key);
  }
  return keys;
}
