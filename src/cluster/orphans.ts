import { ConvoyError } from '../convoy/errors.ts';
import { parseId } from '../convoy/ids.ts';
import type { Agents } from './agents.ts';
import type { ClaimedVolume, ClusterView, GoneNodes, Orphans } from './api.ts';
import { goneByKey } from './gone.ts';
import { type Inventory, readInventories } from './inventory.ts';
import { nodesOf } from './members.ts';
import type { Ownership } from './own.ts';

export interface OrphanDeps {
  readonly agents: Agents;
  readonly own: Ownership;
  readonly goneNodes: Pick<GoneNodes, 'list'>;
  readonly view: Pick<ClusterView, 'persistentVolumes'> | undefined;
  /** What is younger is not judged. */
  readonly minAgeMs: number;
}

/** Between a volume and its PersistentVolume lie some calls and their retries. */
export const YOUNG_MS = 5 * 60_000;

/** Compares what nodes have with what Kubernetes knows. Changes nothing. */
export async function findOrphans(deps: OrphanDeps, signal: AbortSignal): Promise<Orphans> {
  const { agents, own, view } = deps;
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
  const inventories = await readInventories(agents, own, keys, signal);
  const claims = await view.persistentVolumes();
  const unknown = [...nodesOf(claims)].filter((key) => !gone.has(key) && !keys.includes(key));
  const missing = unknown.map((key) => ({ key, nodeName: agents.nameOf(key), reason: agents.unknown(`node key ${key}`).message }));
  return compare([...inventories, ...missing], claims, new Set(gone.keys()), bornBefore);
}

export function compare(
  inventories: readonly Inventory[],
  claims: readonly ClaimedVolume[],
  gone: ReadonlySet<string>,
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
    claims: claims.filter((claim) => isOld(claim) && isAbsent(claim.volumeId, there, gone)).sort(byAge),
    silent,
  };
}

/** Proven: its node says so, or an admin did; or it never was an id of ours. */
function isAbsent(volumeId: string, there: ReadonlyMap<string, ReadonlySet<string>>, gone: ReadonlySet<string>): boolean {
  const parsed = parseId(volumeId, 'volume');
  if (parsed === undefined || gone.has(parsed.node)) return true;
  return there.get(parsed.node)?.has(volumeId) === false;
}
