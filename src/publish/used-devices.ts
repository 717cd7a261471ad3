import { join } from 'node:path';
import type { MountEntry } from '../system/api.ts';
import type { MountTable } from './mount-table.ts';
import { lookAt } from './standing.ts';

/** A device node that is bound to a path: a raw consumer. */
export interface BoundDevice {
  /** major:minor of the device, not of the file system that its node lives in. */
  readonly device: string;
  readonly target: string;
  readonly entry: MountEntry;
}

/**
 * Device nodes bound anywhere. mountinfo only names the node within devtmpfs, so its number is asked of the node: at the
 * target and, should that be covered by another mount, under /dev. Naming one too many only keeps a device attached.
 */
export async function boundDevices(table: MountTable): Promise<readonly BoundDevice[]> {
  const nodes = table.filter((entry) => entry.root !== '/' && (entry.fsType === 'devtmpfs' || entry.fsType === 'tmpfs'));
  const looked = await Promise.all(
    nodes.map(async (entry) => {
      const standings = await Promise.all([lookAt(entry.target), lookAt(join('/dev', entry.root))]);
      const numbers = standings.flatMap((standing) => (standing.kind === 'device' ? [standing.device] : []));
      return [...new Set(numbers)].map((device) => ({ device, target: entry.target, entry }));
    }),
  );
  return looked.flat();
}

/** Devices that something on this host uses, by the mount table: mounted, or bound for a raw consumer. */
export async function usedDevices(table: MountTable): Promise<ReadonlySet<string>> {
  const bound = await boundDevices(table);
  return new Set([...table.map((entry) => entry.device), ...bound.map((node) => node.device)]);
}
