import { ConvoyError } from '../convoy/errors.ts';
import { parseId } from '../convoy/ids.ts';
import type { Agents } from './agents.ts';
import type { ClaimedVolume, ClusterView, GoneNodes, Orphans } from './api.ts';
import type { Outline } from './create-request.ts';
import { goneByKey } from './gone.ts';
import { type Inventory, readGlobalInventory, readInventories } from './inventory.ts';
import { globalClaims, nodesOf, unservedClaims } from './members.ts';
import type { Ownership } from './own.ts';
import { GLOBAL, type GlobalPools, servedHere, unserved } from './router.ts';

export interface OrphanDeps {
  readonly agents: Agents;
  readonly own: Ownership;
  readonly goneNodes: Pick<GoneNodes, 'list'>;
  readonly view: Pick<ClusterView, 'persistentVolumes'> | undefined;
  readonly global?: GlobalPools | undefined;
  readonly pools: readonly Outline[];
  /** What is younger is not judged. */
  readonly minAgeMs: number;
}

/** Between a volume and its PersistentVolume lie some calls and their retries. */
export const YOUNG_MS = 5 * 60_000;

/** Compares what nodes and global pools have with what Kubernetes knows. Changes nothing. */
export async function findOrphans(deps: OrphanDeps, signal: AbortSignal): Promise<Orphans> {
  const { agents, own, view, global } = deps;
  if (view === undefined)
    throw new ConvoyError(
      'NotSupported',
      'orphans are what no PersistentVolume names, and this controller runs outside Kubernetes: compare "convoy volumes list" with what you use',
    );
  const gone = goneByKey(deps.goneNodes);
  const keys = agents
    .links()
    .map(({ key }) => key)
    .filter((key) => !gone.has(key));
  const bornBefore = Date.now() - deps.minAgeMs;
  // First what is there, then who claims it: a volume that is made in between is claimed, not an orphan.
  const [ofNodes, ...ofGlobal] = await Promise.all([
    readInventories(agents, own, keys, signal),
    ...(global === undefined ? [] : [readGlobalInventory(global, own)]),
  ]);
  const claims = await view.persistentVolumes();
  const unknown = [...nodesOf(claims)].filter((key) => !gone.has(key) && !keys.includes(key));
  const missing = unknown.map((key) => ({ key, nodeName: agents.nameOf(key), reason: agents.unknown(`node key ${key}`).message }));
  const served = servedHere(global, deps.pools);
  const notServed = unservedClaims(globalClaims(claims), served).map(({ pool, volume }) => ({
    key: GLOBAL,
    nodeName: GLOBAL,
    reason: unserved(`volume ${volume.volumeId}`, pool, served).message,
  }));
  return compare([...ofNodes, ...ofGlobal, ...missing, ...notServed], claims, new Set(gone.keys()), served, bornBefore);
}

export function compare(
  inventories: readonly Inventory[],
  claims: readonly ClaimedVolume[],
  gone: ReadonlySet<string>,
  served: ReadonlySet<string>,
  bornBefore: number,
): Orphans {
  const silent = inventories.flatMap((each) => ('reason' in each ? [{ nodeName: each.nodeName, reason: each.reason }] : []));
  const there = new Map(
    inventories.flatMap((each) => ('volumes' in each ? [[each.key, new Set(each.volumes.map(({ volumeId }) => volumeId))]] : [])),
  );
  const claimed = new Set(claims.map(({ volumeId }) => volumeId));
  const isOld = ({ createdAt }: { readonly createdAt: number }): boolean => createdAt <= bornBefore;
  const byAge = (a: { readonly createdAt: number }, b: { readonly createdAt: number }): number => a.createdAt - b.createdAt;
  return {
    volumes: inventories
      .flatMap((each) => ('volumes' in each ? each.volumes : []))
      .filter((volume) => isOld(volume) && !claimed.has(volume.volumeId))
      .sort(byAge),
    claims: claims.filter((claim) => isOld(claim) && isAbsent(claim.volumeId, there, gone, served)).sort(byAge),
    silent,
  };
}

/** Proven: its node or its global pool says so, or an admin did; or it never was an id of ours. */
function isAbsent(
  volumeId: string,
  there: ReadonlyMap<string, ReadonlySet<string>>,
  gone: ReadonlySet<string>,
  served: ReadonlySet<string>,
): boolean {
  const parsed = parseId(volumeId, 'volume');
  if (parsed === undefined || gone.has(parsed.node)) return true;
  if (parsed.node === GLOBAL && !served.has(parsed.pool)) return false;
  return there.get(parsed.node)?.has(volumeId) === false;
}
