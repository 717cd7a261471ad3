import type { OpenVolume } from '../pool/api.ts';
import type { PublishDeps } from './deps.ts';
import { usedDevices } from './used-devices.ts';

/**
 * Detaches the volume's devices that nothing uses any more. Must run under the volume's lock, or a device that a publish
 * has just attached would be taken from it. Never an error: what cannot be released now is noted for the next sweep.
 */
export async function releaseDevices(deps: PublishDeps, volumeId: string, open: OpenVolume | undefined): Promise<void> {
  if (open !== undefined && open.properties.access !== 'device') return deps.records.setReleasePending(volumeId, false);
  try {
    if (open === undefined) return await deps.records.setReleasePending(volumeId, true);
    await open.releaseUnused(await usedDevices(await deps.system.mounts.list()));
    await deps.records.setReleasePending(volumeId, false);
  } catch (error) {
    deps.log.warn({ volume_id: volumeId, error: String(error) }, 'devices of the volume could not be released; the next sweep tries again');
    await deps.records.setReleasePending(volumeId, true);
  }
}
