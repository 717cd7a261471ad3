import { volumeMessage } from '../messages.ts';
import { parsePage } from '../paging.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const listVolumes =
  ({ pools, driverName }: Pick<Edge, 'pools' | 'driverName'>): Rpc<'ListVolumes'> =>
  async (request) => {
    const page = await pools.listVolumes(parsePage(request));
    // No status: it would tell the nodes, which needs LIST_VOLUMES_PUBLISHED_NODES.
    return { entries: page.entries.map((volume) => ({ volume: volumeMessage(driverName, volume) })), nextToken: page.nextToken };
  };
