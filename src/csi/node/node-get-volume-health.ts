import { healthMessage } from '../messages.ts';
import { parsePath, requiredId } from '../parse.ts';
import type { Edge, Rpc } from '../rpc.ts';

export const nodeGetVolumeHealth =
  ({ node }: Pick<Edge, 'node'>): Rpc<'NodeGetVolumeHealth'> =>
  async (request) => {
    const volumeId = requiredId('volume_id', request.volumeId);
    const published = optionalPath('volume_publish_path', request.volumePublishPath);
    const staged = optionalPath('staging_target_path', request.stagingTargetPath);
    return { volumeHealth: healthMessage(volumeId, await node.health(volumeId, published ?? staged)) };
  };

const optionalPath = (field: string, value: string): string | undefined => (value === '' ? undefined : parsePath(field, value));
