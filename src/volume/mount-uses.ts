import type { MountEntry } from '../system/api.ts';

/**
 * Where a directory is in use, by the mount table: targets below it, and targets elsewhere that show it or a part of it
 * (binds of it). `mounts` is in mount order, so what was mounted before the directory's own mount is none of its binds.
 */
export function mountUses(
  mounts: readonly MountEntry[],
  directory: string,
): { readonly below: readonly string[]; readonly elsewhere: readonly string[] } {
  const below = mounts.filter((mount) => isBelow(mount.target, directory)).map((mount) => mount.target);
  const holder = mounts.findLast((mount) => mount.target === directory || isBelow(directory, mount.target));
  if (holder === undefined) return { below, elsewhere: [] };
  const shown = join(holder.root, directory.slice(holder.target === '/' ? 0 : holder.target.length));
  const elsewhere = mounts
    .slice(mounts.indexOf(holder) + 1)
    .filter((mount) => mount.device === holder.device && (mount.root === shown || isBelow(mount.root, shown)))
    .map((mount) => mount.target)
    .filter((target) => target !== directory && !isBelow(target, directory));
  return { below, elsewhere };
}

/** True if `path` is strictly below `directory`; both absolute and without `.` or `..`. */
export const isBelow = (path: string, directory: string): boolean =>
  path.length > directory.length && path.startsWith(directory === '/' ? '/' : `${directory}/`);

const join = (root: string, rest: string): string => (root === '/' ? rest || '/' : `${root}${rest}`);
