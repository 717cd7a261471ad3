import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import type { Agents } from './agents.ts';
import type { OrphanVolume } from './api.ts';
import { mapBounded } from './bounded.ts';
import { callAgent } from './forward.ts';
import type { Ownership } from './own.ts';

/** What a node has; or why it did not say. */
export type Inventory = { readonly key: string; readonly nodeName: string } & (
  | { readonly volumes: readonly OrphanVolume[] }
  | { readonly reason: string }
);

const AT_ONCE = 16;
/** Of all pages of one node. */
const NODE_MS = 30_000;
const PAGE = 4096;

/** All volumes of the given nodes, ready or not; trash is none. A node that does not answer is told with its reason. */
export function readInventories(
  agents: Agents,
  own: Ownership,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<readonly Inventory[]> {
  return mapBounded(keys, AT_ONCE, async (key): Promise<Inventory> => {
    try {
      return { key, nodeName: agents.nameOf(key), volumes: await volumesOf(agents, own, key, signal) };
    } catch (error) {
      signal.throwIfAborted();
      if (!isConvoyError(error)) throw error;
      return { key, nodeName: agents.nameOf(key), reason: error.message };
    }
  });
}

async function volumesOf(agents: Agents, own: Ownership, key: string, signal: AbortSignal): Promise<readonly OrphanVolume[]> {
  const caller = { deadline: Date.now() + NODE_MS, signal };
  const nodeName = agents.nameOf(key);
  const found: OrphanVolume[] = [];
  let startingToken = '';
  do {
    const page = await callAgent(agents, key, 'ListInventory', { maxEntries: PAGE, startingToken }, caller);
    for (const { volumeId, pool, name, sizeBytes, createdAt } of page.volumes) {
      own.id(key, 'volume', volumeId);
      found.push({ volumeId, nodeName, pool, name, sizeBytes: BigInt(sizeBytes), createdAt: milliseconds(createdAt) });
    }
    if (page.nextToken !== '' && (page.nextToken === startingToken || page.volumes.length === 0))
      throw new ConvoyError('Internal', `node ${nodeName} answered a page of its inventory that does not go on`);
    startingToken = page.nextToken;
  } while (startingToken !== '');
  return found;
}

const milliseconds = (time: { readonly seconds: string; readonly nanos: number } | null): number =>
  time === null ? 0 : Number(time.seconds) * 1000 + Math.floor(time.nanos / 1_000_000);
