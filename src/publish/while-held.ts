import type { HoldOptions, OpenVolume } from '../pool/api.ts';
import type { PublishDeps } from './deps.ts';
import { releaseDevices } from './release-devices.ts';

/** Takes the volume into use on this host: noted with a global volume before it is mounted, and no longer when that failed. */
export async function whileHeld(
  deps: PublishDeps,
  volumeId: string,
  open: OpenVolume,
  options: HoldOptions,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await open.hold(options);
    await work();
  } catch (error) {
    if (open.properties.scope === 'global') await releaseDevices(deps, volumeId, open);
    throw error;
  }
}
