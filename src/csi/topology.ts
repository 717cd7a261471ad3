import { nodeKey } from '../convoy/ids.ts';
import { topologyKey } from '../convoy/names.ts';
import type { Topology } from './gen/csi/v1/Topology.ts';
import type { TopologyRequirement__Output } from './gen/csi/v1/TopologyRequirement.ts';

/** A label value of Kubernetes, and a topology value of CSI: at most 63, letters or digits at both ends. */
const LABEL_VALUE = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

/** The topology value of a node: its name, or the key that stands for a name which no label can hold. */
export const segmentOf = (nodeName: string): string => (LABEL_VALUE.test(nodeName) ? nodeName : nodeKey(nodeName));

/** The one place where a local volume or snapshot is. */
export function topologyOf(driverName: string, nodeName: string): Topology {
  return { segments: { [topologyKey(driverName)]: segmentOf(nodeName) } };
}

/** accessible_topology of something on `nodeName`; empty for what is reachable from everywhere. */
export const accessibleTopology = (driverName: string, nodeName: string | undefined): Topology[] =>
  nodeName === undefined ? [] : [topologyOf(driverName, nodeName)];

/**
 * Values of our key that will do, the preferred ones first; undefined = anywhere, none = nowhere (NO_NODE_NAMED).
 *
 * Only requisite binds: without it "the SP MAY choose from the list of all possible topologies" (csi.proto). A term is
 * met where all its segments hold. Beside our key others are not ours to judge; a term of other keys alone (a zone, in a
 * class's allowedTopologies) is met by no node that we could name.
 */
export function requiredNodes(driverName: string, requirement: TopologyRequirement__Output | null): readonly string[] | undefined {
  if (requirement === null || requirement.requisite.length === 0) return undefined;
  if (requirement.requisite.some(({ segments }) => Object.keys(segments).length === 0)) return undefined;
  const requisite = requirement.requisite.map((term) => nodeOf(driverName, term));
  const preferred = requirement.preferred.map((term) => nodeOf(driverName, term)).filter((node) => requisite.includes(node));
  return [...new Set([...preferred, ...requisite])].filter((node) => node !== undefined);
}

/** Our value in one term. */
export function nodeOf(driverName: string, term: { readonly segments: Readonly<Record<string, string>> }): string | undefined {
  const key = topologyKey(driverName);
  return Object.hasOwn(term.segments, key) ? term.segments[key] : undefined;
}
