import { readdir, realpath } from 'node:fs/promises';
import { isErrno } from '../convoy/errors.ts';
import type { OpenVolume, UsesOf } from '../pool/api.ts';
import type { System } from '../system/api.ts';
import type { PublishLog } from './deps.ts';
import { mountsBelow } from './mount-table.ts';
import type { OwnMounts } from './own-mounts.ts';
import { isMounted, ownMounts } from './own-mounts.ts';
import type { NodeRecords } from './records.ts';

/**
 * What on this host uses a volume, for the refusal to delete it: staged and published places, any other mount of its
 * directory, of something below that (a pod's subPath) or of its devices, mounts put below its directory, and devices
 * that other devices are stacked on. Each use is a phrase for a message.
 */
export function makeUsesOf(deps: { readonly system: System; readonly records: NodeRecords; readonly log: PublishLog }): UsesOf {
  return async (open) => {
    const record = await deps.records.read(open.volume.id);
    const own = await ownMounts(deps, open.volume.id, open);
    const uses = new Map<string, string>();
    for (const place of record.places) {
      const holdsUnmounted = place.kind === 'staged' && place.access === 'block';
      if (holdsUnmounted || (await isMounted(place, async () => own))) uses.set(place.path, `${place.kind} at ${place.path}`);
    }
    for (const entry of own.table) if (own.isOwn(entry) && !uses.has(entry.target)) uses.set(entry.target, `mounted at ${entry.target}`);
    const others = open.properties.access === 'directory' ? await mountedBelow(open, own) : await stackedOn(open);
    return [...uses.values(), ...others];
  };
}

async function mountedBelow(open: OpenVolume, own: OwnMounts): Promise<readonly string[]> {
  const access = await open.openAccess({ readOnly: true, raw: false }).catch(() => undefined); // data that is gone has nothing below it
  if (access === undefined) return [];
  try {
    const path = await realpath(access.path);
    return mountsBelow(own.table, path).map((entry) => `something else is mounted below it at ${entry.target}`);
  } finally {
    await access.close();
  }
}

async function stackedOn(open: OpenVolume): Promise<readonly string[]> {
  const devices = await open.devices().catch(() => []); // as above
  const held = await Promise.all(
    devices.map(async (device) => {
      const holders = await readdir(`/sys/dev/block/${device}/holders`).catch((error: unknown) => {
        if (isErrno(error, 'ENOENT')) return [];
        throw error;
      });
      return holders.map((holder) => `its device ${device} is held by ${holder}`);
    }),
  );
  return held.flat();
}
