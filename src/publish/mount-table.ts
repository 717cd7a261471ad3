import { join, relative } from 'node:path';
import type { MountEntry } from '../system/api.ts';

/** Questions to the kernel's mount table. Everything matches exactly or by whole path components, never by substring. */
export type MountTable = readonly MountEntry[];

/** A place in a file system, independent of where that is mounted. */
export interface FilePlace {
  /** `major:minor` as mountinfo has it (on btrfs not what stat says). */
  readonly device: string;
  readonly root: string;
}

/** Mounts stacked exactly at `target`, the topmost last. */
export const mountsAt = (table: MountTable, target: string): MountTable => table.filter((entry) => entry.target === target);

export const topmostAt = (table: MountTable, target: string): MountEntry | undefined => mountsAt(table, target).at(-1);

/** Where a path without links lies: walks the table as the kernel does, so that covered mounts do not count. */
export function locate(table: MountTable, path: string): FilePlace | undefined {
  const children = Map.groupBy(table, (entry) => entry.parentId);
  const ids = new Set(table.map((entry) => entry.id));
  let current = table.find((entry) => entry.target === '/' && !(ids.has(entry.parentId) && entry.parentId !== entry.id));
  if (current === undefined) return undefined;
  for (;;) {
    const here: MountEntry = current;
    const next = (children.get(here.id) ?? [])
      .filter((entry) => entry.id !== here.id && isWithin(path, entry.target))
      .reduce<MountEntry | undefined>(
        (best, entry) => (best === undefined || entry.target.length < best.target.length ? entry : best),
        undefined,
      );
    if (next === undefined) return { device: here.device, root: join(here.root, relative(here.target, path)) };
    current = next;
  }
}

/** Mounts that show exactly this place. */
export const mountsOf = (table: MountTable, place: FilePlace): MountTable =>
  table.filter((entry) => entry.device === place.device && entry.root === place.root);

/** Mounts that show this place or something below it (a subPath of a pod). */
export const mountsFrom = (table: MountTable, place: FilePlace): MountTable =>
  table.filter((entry) => entry.device === place.device && isWithin(entry.root, place.root));

/** Mounts of something else onto a path below `directory`. */
export const mountsBelow = (table: MountTable, directory: string): MountTable =>
  table.filter((entry) => entry.target !== directory && isWithin(entry.target, directory));

/** True if `path` is `base` or below it. Both absolute and normal. */
export const isWithin = (path: string, base: string): boolean => path === base || base === '/' || path.startsWith(`${base}/`);
