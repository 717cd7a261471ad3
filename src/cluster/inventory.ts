import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import type { Agents } from './agents.ts';
import type { OrphanVolume } from './api.ts';
import { mapBounded } from './bounded.ts';
import { callAgent } from './forward.ts';
import type { Ownership } from './own.ts';
import { GLOBAL, type GlobalPools } from './router.ts';

/** What a node, or the global pools, have; or why it was not said. */
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

/** The same of the global pools together, with `global` for the node. */
export async function readGlobalInventory(global: GlobalPools, own: Ownership): Promise<Inventory> {
  try {
    const volumes = await global.inventory();
    for (const { volumeId } of volumes) own.id(GLOBAL, 'volume', volumeId);
    return { key: GLOBAL, nodeName: GLOBAL, volumes: volumes.map((volume) => ({ ...volume, nodeName: GLOBAL })) };
  } catch (error) {
    if (!isConvoyError(error)) throw error;
    return { key: GLOBAL, nodeName: GLOBAL, reason: error.message };
  }
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
