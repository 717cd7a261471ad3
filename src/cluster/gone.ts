import { ConvoyError } from '../convoy/errors.ts';
import { nodeKey, type ObjectKind } from '../convoy/ids.ts';
import type { GoneNode, GoneNodes } from './api.ts';

/**
 * A node is gone by its name alone until it is readmitted. Its uid is for people: a kubelet that registers again after its
 * Node was deleted has another uid and all of its old data.
 */
export const goneByKey = (goneNodes: Pick<GoneNodes, 'list'>): ReadonlyMap<string, GoneNode> =>
  new Map(goneNodes.list().map((gone) => [nodeKey(gone.nodeName), gone]));

const day = ({ since }: GoneNode): string => new Date(since).toISOString();

/** For the agent's readiness. */
export const goneReason = (gone: GoneNode): string =>
  `node ${gone.nodeName} was declared gone at ${day(gone)}, and what was on it has been released; look through what is still there, then: convoy node readmit ${gone.nodeName}`;

/** What was on it is proven absent: by the admin's word. */
export const wasOnGone = (kind: ObjectKind, id: string, gone: GoneNode): ConvoyError =>
  new ConvoyError(
    'NotFound',
    `${kind} ${id} does not exist: it was on node ${gone.nodeName}, which was declared gone at ${day(gone)} (if the node is back: convoy node readmit ${gone.nodeName})`,
  );
