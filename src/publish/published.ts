import { isConvoyError } from '../convoy/errors.ts';
import type { Published } from './api.ts';
import type { PublishDeps } from './deps.ts';
import { isMounted, ownMounts } from './own-mounts.ts';

/** Everything of a volume on this host: recorded places that the kernel confirms, and mounts of it that nobody recorded. */
export async function published(deps: PublishDeps, volumeId: string): Promise<readonly Published[]> {
  const record = await deps.records.read(volumeId);
  const open = await deps.pools.peekVolume(volumeId).catch((error: unknown) => {
    // What is mounted is told even when the pool is closed or the volume gone.
    if (record.places.length > 0 && (isConvoyError(error, 'NotFound') || isConvoyError(error, 'Unavailable'))) return undefined;
    throw error;
  });
  const own = await ownMounts(deps, volumeId, open);
  const found: Published[] = [];
  for (const place of record.places) {
    const nothingToMount = place.kind === 'staged' && place.access === 'block';
    if (nothingToMount || (await isMounted(place, async () => own)))
      found.push({ volumeId, targetPath: place.path, kind: place.kind, readOnly: place.readOnly });
  }
  const recorded = new Set(record.places.map((place) => place.path));
  const strangers = own.table.filter((entry) => own.isOwn(entry) && !recorded.has(entry.target));
  return [
    ...found,
    ...strangers.map(
      (entry): Published => ({ volumeId, targetPath: entry.target, kind: 'mounted', readOnly: entry.options.includes('ro') }),
    ),
  ];
}
