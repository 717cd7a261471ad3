import { parseId } from '../convoy/ids.ts';
import type { Agents } from './agents.ts';
import type { ClaimedVolume, ClusterView, GoneNodes } from './api.ts';
import { goneByKey } from './gone.ts';
import { GLOBAL, type Router, unserved } from './router.ts';

/** Nodes of PersistentVolumes change seldom, and a list of many pages asks for each. */
const FRESH_MS = 30_000;

/** Where PersistentVolumes are. */
interface Claimed {
  readonly nodes: ReadonlySet<string>;
  readonly global: readonly GlobalClaim[];
}
interface GlobalClaim {
  readonly pool: string;
  readonly volume: ClaimedVolume;
}

/**
 * The nodes that must answer for a list to be whole: those that discovery knows, and those that PersistentVolumes are on, so
 * that a node whose agent is missing just now does not drop out unnoticed. Who was declared gone need not. And the global pools.
 */
export class Members {
  readonly #router: Router;
  readonly #goneNodes: Pick<GoneNodes, 'list'>;
  readonly #view: Pick<ClusterView, 'persistentVolumes'> | undefined;
  #claimed: { readonly places: Promise<Claimed>; readonly at: number } | undefined;

  constructor(router: Router, goneNodes: Pick<GoneNodes, 'list'>, view: Pick<ClusterView, 'persistentVolumes'> | undefined) {
    this.#router = router;
    this.#goneNodes = goneNodes;
    this.#view = view;
  }

  /** Keys in order. Unavailable while it is not known, and while there are volumes of a global pool that nobody could list. */
  async keys(): Promise<readonly string[]> {
    const gone = goneByKey(this.#goneNodes);
    const { globalPools } = this.#router;
    const { nodes, global } = await this.#claims();
    const [unlisted] = unservedClaims(global, globalPools);
    if (unlisted !== undefined)
      throw unserved(`PersistentVolume ${unlisted.volume.pvName} (${unlisted.volume.volumeId})`, unlisted.pool, globalPools);
    const keys = new Set([...knownKeys(this.#router.agents), ...nodes]);
    if (globalPools.size > 0) keys.add(GLOBAL);
    return [...keys].filter((key) => !gone.has(key)).sort();
  }

  async #claims(): Promise<Claimed> {
    if (this.#view === undefined) return { nodes: new Set(), global: [] };
    if (this.#claimed === undefined || Date.now() - this.#claimed.at > FRESH_MS) {
      const places = this.#view.persistentVolumes().then((volumes) => ({ nodes: nodesOf(volumes), global: globalClaims(volumes) }));
      this.#claimed = { places, at: Date.now() };
    }
    const asked = this.#claimed;
    try {
      return await asked.places;
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

/** The first of each global pool. */
export function globalClaims(volumes: readonly ClaimedVolume[]): readonly GlobalClaim[] {
  const found = new Map<string, GlobalClaim>();
  for (const volume of volumes) {
    const parsed = parseId(volume.volumeId, 'volume');
    if (parsed?.node === GLOBAL && !found.has(parsed.pool)) found.set(parsed.pool, { pool: parsed.pool, volume });
  }
  return [...found.values()];
}

export const unservedClaims = (claims: readonly GlobalClaim[], served: ReadonlySet<string>): readonly GlobalClaim[] =>
  claims.filter(({ pool }) => !served.has(pool));
