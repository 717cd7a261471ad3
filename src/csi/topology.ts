import { nodeKey } from '../convoy/ids.ts';
import { topologyKey } from '../convoy/names.ts';
import type { Segments, Volume, Where } from '../pool/api.ts';
import type { Topology, Topology__Output } from './gen/csi/v1/Topology.ts';
import type { TopologyRequirement__Output } from './gen/csi/v1/TopologyRequirement.ts';

/** A label value of Kubernetes, and a topology value of CSI: at most 63, letters or digits at both ends. */
const LABEL_VALUE = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

/** The topology value of a node: its name, or the key that stands for a name which no label can hold. */
export const segmentOf = (nodeName: string): string => (LABEL_VALUE.test(nodeName) ? nodeName : nodeKey(nodeName));

/** The one place where a local volume or snapshot is. */
export function topologyOf(driverName: string, nodeName: string): Topology {
  return { segments: { [topologyKey(driverName)]: segmentOf(nodeName) } };
}

/** Where a node is: our own key, and what else it was told of itself. */
export const topologyOfNode = (driverName: string, nodeName: string, more: Segments): Topology => ({
  segments: { ...more, ...topologyOf(driverName, nodeName).segments },
});

/** accessible_topology of a volume or snapshot; empty for what is reachable from everywhere (csi.proto: then it may be). */
export function accessibleTopology(driverName: string, { node, segments }: Pick<Volume, 'node' | 'segments'>): Topology[] {
  if (node !== undefined) return [topologyOf(driverName, node)];
  return segments === undefined ? [] : [{ segments: { ...segments } }];
}

/** Accessibility requirements in the pools' terms. */
export function whereOf(driverName: string, requirement: TopologyRequirement__Output | null): Where {
  const nodes = requiredNodes(driverName, requirement);
  const terms = requisiteTerms(requirement);
  return { ...(nodes === undefined ? {} : { nodes }), ...(terms === undefined ? {} : { terms }) };
}

/** One place, as GetCapacity asks for it. Without our key it is no node: local pools are asked on all of them. */
export function whereAt(driverName: string, term: Topology__Output | null): Where {
  if (term === null || isAnywhere(term)) return {};
  const node = nodeOf(driverName, term);
  return { ...(node === undefined ? {} : { nodes: [node] }), terms: [term.segments] };
}

/**
 * Values of our key that will do, the preferred ones first; undefined = anywhere, none = nowhere (NO_NODE_NAMED).
 *
 * Only requisite binds: without it "the SP MAY choose from the list of all possible topologies" (csi.proto). A term is
 * met where all its segments hold. Beside our key others are not ours to judge; a term of other keys alone (a zone, in a
 * class's allowedTopologies) is met by no node that we could name.
 */
export function requiredNodes(driverName: string, requirement: TopologyRequirement__Output | null): readonly string[] | undefined {
  if (requirement === null || requisiteTerms(requirement) === undefined) return undefined;
  const requisite = new Set(requirement.requisite.map((term) => nodeOf(driverName, term)));
  const preferred = requirement.preferred.map((term) => nodeOf(driverName, term)).filter((node) => requisite.has(node));
  return [...new Set([...preferred, ...requisite])].filter((node) => node !== undefined);
}

/** Each term that will do, of whatever keys; undefined = anywhere. As above, only requisite binds. */
export function requisiteTerms(requirement: TopologyRequirement__Output | null): readonly Segments[] | undefined {
  if (requirement === null || requirement.requisite.length === 0 || requirement.requisite.some(isAnywhere)) return undefined;
  return requirement.requisite.map(({ segments }) => segments);
}

/** A term that says nothing is met everywhere. */
const isAnywhere = ({ segments }: Topology__Output): boolean => Object.keys(segments).length === 0;

/** Our value in one term. */
export function nodeOf(driverName: string, term: { readonly segments: Readonly<Record<string, string>> }): string | undefined {
  const key = topologyKey(driverName);
  return Object.hasOwn(term.segments, key) ? term.segments[key] : undefined;
}
