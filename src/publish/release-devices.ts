import type { OpenVolume } from '../pool/api.ts';
import type { PublishDeps } from './deps.ts';
import { usedDevices } from './used-devices.ts';

/**
 * Lets the driver release what nothing uses any more: devices, a mount of its own behind a directory, this host's hold on a global
 * volume. Must run under the volume's lock, or a device that a publish has just attached would be taken from it. Never an error:
 * what cannot be released now is noted for the next sweep.
 */
export async function releaseDevices(deps: PublishDeps, volumeId: string, open: OpenVolume | undefined): Promise<void> {
  try {
    if (open === undefined) {
      // Its record may be damaged: the hold can end all the same.
      await letGoIfUnused(deps, volumeId);
      return await deps.records.setReleasePending(volumeId, true);
    }
    // A directory driver looks for uses itself (one that mounts something of its own unmounts it then); vfs has nothing to release.
    const used = open.properties.access === 'device' ? await usedDevices(await deps.system.mounts.list()) : new Set<string>();
    await open.releaseUnused(used);
    if (open.properties.scope === 'global') await letGoIfUnused(deps, volumeId);
    await deps.records.setReleasePending(volumeId, false);
  } catch (error) {
    deps.log.warn({ volume_id: volumeId, error: String(error) }, 'devices of the volume could not be released; the next sweep tries again');
    await deps.records.setReleasePending(volumeId, true);
  }
}

/** Ends this host's hold on a global volume, which may be gone, once it is nowhere on this host. */
export async function letGoIfUnused(deps: PublishDeps, volumeId: string): Promise<void> {
  const { places, damaged } = await deps.records.read(volumeId);
  if (places.length === 0 && damaged !== true) await deps.pools.letGo(volumeId);
}
