import { nodeKey } from '../convoy/ids.ts';
import { NO_NODE_NAMED } from '../convoy/names.ts';
import { segmentOf } from '../csi/topology.ts';
import type { GoneNode } from './api.ts';

/** What is known of a node without asking it. */
export interface KnownNode {
  readonly key: string;
  readonly name: string;
  /** Undefined: not connected. */
  readonly pools: ReadonlyMap<string, { readonly open: boolean; readonly reason: string }> | undefined;
  /** Why it is not connected. */
  readonly reason: string;
  readonly serving: boolean | undefined;
}

/** A node where a volume may be made. */
export interface Candidate {
  readonly key: string;
  readonly name: string;
  /** Why it cannot be asked just now; undefined = it can. */
  readonly silent?: string;
  /** Nothing serves there: once Kubernetes says that the node is down too, the next may be tried without an answer of this one. */
  readonly skippable: boolean;
}

export interface Placement {
  /** In the order in which they are tried. */
  readonly candidates: readonly Candidate[];
  /** Why each of the others will not do. */
  readonly passedOver: readonly string[];
}

export interface PlaceRequest {
  readonly name: string;
  readonly pool: string;
  /** Segments of our key, the preferred ones first; undefined = anywhere. */
  readonly required: readonly string[] | undefined;
  /** Key of the node where the data is that is copied: nowhere else. */
  readonly at?: string;
}

/**
 * Where a volume can be made, by what is known: a node that is gone or lacks the pool cannot, for certain; what cannot be
 * told stays a candidate, since unknown is not absent.
 */
export function place(request: PlaceRequest, nodes: ReadonlyMap<string, KnownNode>, gone: ReadonlyMap<string, GoneNode>): Placement {
  const candidates: Candidate[] = [];
  const passedOver: string[] = [];
  const seen = new Set<string>();
  for (const { key, segment } of wanted(request, nodes, gone)) {
    if (seen.has(key)) continue;
    seen.add(key);
    const found = judge(key, segment, request.pool, nodes.get(key), gone.get(key));
    if (typeof found === 'string') passedOver.push(found);
    else candidates.push(found);
  }
  if (request.at === undefined && request.required?.length === 0) passedOver.push(NO_NODE_NAMED);
  return { candidates, passedOver };
}

function wanted(
  { name, required, at }: PlaceRequest,
  nodes: ReadonlyMap<string, KnownNode>,
  gone: ReadonlyMap<string, GoneNode>,
): readonly { readonly key: string; readonly segment: string }[] {
  if (at !== undefined) return [{ key: at, segment: `with key ${at}` }];
  if (required === undefined) return anywhere(name, nodes).map((key) => ({ key, segment: key }));
  return required.map((segment) => ({ key: keyOfSegment(segment, nodes, gone), segment }));
}

/** A segment is a node's name, or the key of one whose name no label can hold. */
export function keyOfSegment(
  segment: string,
  nodes: ReadonlyMap<string, { readonly name: string }>,
  gone: ReadonlyMap<string, GoneNode>,
): string {
  const name = nodes.get(segment)?.name ?? gone.get(segment)?.nodeName;
  return name !== undefined && segmentOf(name) === segment ? segment : nodeKey(segment);
}

/** Without knowing the node's name: a segment is the name, or the key itself. */
export const isSegmentOf = (key: string, segment: string): boolean => segment === key || nodeKey(segment) === key;

/** Nobody prefers any: each name begins at another node, and its retries at the same. */
function anywhere(name: string, nodes: ReadonlyMap<string, KnownNode>): readonly string[] {
  const keys = [...nodes.keys()].sort();
  const start = nodeKey(name);
  return [...keys.filter((key) => key >= start), ...keys.filter((key) => key < start)];
}

/** A candidate, or why it is none. */
function judge(key: string, segment: string, pool: string, node: KnownNode | undefined, gone: GoneNode | undefined): Candidate | string {
  if (gone !== undefined) return `node ${gone.nodeName} was declared gone`;
  if (node === undefined) {
    const silent = `no agent of node ${segment} is known: is its pod running, and is the name right (allowedTopologies)? If the node is gone for good: convoy node forget NODE`;
    // A key stands for a name that is not known: nobody could be asked about the node.
    return { key, name: segment, silent, skippable: segment !== key };
  }
  const { name, pools, reason } = node;
  const skippable = node.serving === false;
  if (pools === undefined) return { key, name, silent: `node ${name} cannot be reached: ${reason}`, skippable };
  const found = pools.get(pool);
  if (found === undefined) return `node ${name} has no pool ${pool} (it has ${[...pools.keys()].join(', ') || 'none'})`;
  return found.open
    ? { key, name, skippable }
    : { key, name, silent: `pool ${pool} of node ${name} is not open: ${found.reason}`, skippable };
}
