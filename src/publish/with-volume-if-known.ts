import { isConvoyError } from '../convoy/errors.ts';
import type { OpenVolume } from '../pool/api.ts';
import type { PublishDeps } from './deps.ts';

/**
 * Runs `work` with the volume where its pool answers, and without it (`undefined`) where the pool is closed, or the volume
 * gone or not ready: taking down must always work. The volume's publish lock is held either way. Busy and Cancelled stay
 * errors.
 */
export async function withVolumeIfKnown<T>(
  deps: PublishDeps,
  volumeId: string,
  work: (open: OpenVolume | undefined) => Promise<T>,
): Promise<T> {
  let entered = false;
  try {
    return await deps.pools.withVolume(volumeId, async (open) => {
      entered = true;
      return work(open);
    });
  } catch (error) {
    if (entered || isConvoyError(error, 'Busy') || isConvoyError(error, 'Cancelled')) throw error;
    if (!isConvoyError(error, 'NotFound'))
      deps.log.warn(
        { volume_id: volumeId, error: String(error) },
        'pool does not answer; taking down what the mount table and the record prove',
      );
    using _lock = deps.pools.lockPublish(volumeId);
    return await work(undefined);
  }
}
