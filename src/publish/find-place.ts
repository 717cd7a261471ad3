import { ConvoyError } from '../convoy/errors.ts';
import type { OpenVolume } from '../pool/api.ts';
import type { MountEntry } from '../system/api.ts';
import type { PublishDeps } from './deps.ts';
import type { OwnMounts } from './own-mounts.ts';
import { ownMounts } from './own-mounts.ts';

/** The volume's own mount at a path, by the mount table. NotFound when it is not there; Unavailable when its pool cannot say. */
export async function findPlace(
  deps: PublishDeps,
  volumeId: string,
  path: string,
): Promise<{ readonly open: OpenVolume; readonly own: OwnMounts; readonly top: MountEntry }> {
  const open = await deps.pools.peekVolume(volumeId);
  const own = await ownMounts(deps, volumeId, open);
  const top = own.topmost(path);
  if (top === undefined || !own.isOwn(top)) throw notThere(volumeId, path);
  return { open, own, top };
}

export const notThere = (volumeId: string, path: string): ConvoyError =>
  new ConvoyError(
    'NotFound',
    `volume ${volumeId} is not at ${JSON.stringify(path.slice(0, 256))}: it is neither staged nor published there`,
  );
