import { healthMessage } from '../messages.ts';
import { parsePage } from '../paging.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const controllerListVolumeHealth =
  ({ pools }: Pick<Edge, 'pools'>): Rpc<'ControllerListVolumeHealth'> =>
  async (request) => {
    const page = await pools.listVolumeHealth(parsePage(request));
    return { entries: page.entries.map(({ volumeId, problems }) => healthMessage(volumeId, problems)), nextToken: page.nextToken };
  };
