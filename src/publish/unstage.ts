import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { step } from '../observe/steps.ts';
import type { Call } from '../pool/api.ts';
import type { PublishDeps } from './deps.ts';
import { isMounted, ownMounts } from './own-mounts.ts';
import { assertPlainPlace, parsePath } from './paths.ts';
import type { NodeRecord } from './record-format.ts';
import { placeAt } from './record-format.ts';
import { releaseDevices } from './release-devices.ts';
import { takeDown } from './take-down.ts';
import { withVolumeIfKnown } from './with-volume-if-known.ts';

/**
 * NodeUnstageVolume. The staging directory is the CO's and stays. Refused while the volume is published: a kubelet that
 * lost its state would otherwise pull the file system's last proof from under a pod.
 */
export async function unstage(deps: PublishDeps, volumeId: string, stagingPath: string, call: Call): Promise<void> {
  const path = parsePath('staging_target_path', stagingPath);
  const there = await isThere(deps, path);
  await withVolumeIfKnown(deps, volumeId, async (open) => {
    const record = await deps.records.read(volumeId);
    const own = async (): ReturnType<typeof ownMounts> => ownMounts(deps, volumeId, open);
    const targets = await publishedTargets(record, own);
    if (targets.length > 0)
      throw new ConvoyError(
        'InUse',
        `volume ${volumeId} is still published at ${targets.join(', ')}: unpublish it there before unstaging it`,
      );
    if (there)
      await takeDown(deps, {
        volumeId,
        path,
        place: placeAt(record, path),
        own,
        poolAnswers: open !== undefined,
        how: 'child',
        signal: call.signal,
      });
    step('unstage.unmounted');
    await deps.records.drop(volumeId, path);
    // Of a volume that neither pool nor record knows nothing is noted: any id can be sent here.
    if (open !== undefined || record.places.length > 0 || record.releasePending === true) await releaseDevices(deps, volumeId, open);
  });
}

async function isThere(deps: PublishDeps, path: string): Promise<boolean> {
  try {
    await assertPlainPlace('staging_target_path', path, [deps.root, ...deps.protectedPaths()]);
    return true;
  } catch (error) {
    if (isConvoyError(error, 'Precondition')) return false;
    throw error;
  }
}

async function publishedTargets(record: NodeRecord, own: () => ReturnType<typeof ownMounts>): Promise<readonly string[]> {
  const published = record.places.filter((place) => place.kind === 'published');
  const mounted = await Promise.all(published.map(async (place) => ((await isMounted(place, own)) ? [place.path] : [])));
  return mounted.flat();
}
