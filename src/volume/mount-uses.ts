import type { MountEntry } from '../system/api.ts';

/**
 * Where a directory is in use, by the mount table: targets below it, and targets elsewhere that show it or a part of it
 * (binds of it). `mounts` is in mount order: where the directory is itself a mount point, what was mounted before is none of its
 * binds. A plain directory's binds may stand before the mount that holds it: a container gets its mounts, with what an earlier
 * life of it bound below them, in an order of their own.
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
    .slice(holder.target === directory ? mounts.indexOf(holder) + 1 : 0)
    .filter((mount) => mount.device === holder.device && (mount.root === shown || isBelow(mount.root, shown)))
    .map((mount) => mount.target)
    .filter((target) => target !== directory && !isBelow(target, directory));
  return { below, elsewhere };
}

/** True if `path` is strictly below `directory`; both absolute and without `.` or `..`. */
export const isBelow = (path: string, directory: string): boolean =>
  path.length > directory.length && path.startsWith(directory === '/' ? '/' : `${directory}/`);

const join = (root: string, rest: string): string => (root === '/' ? rest || '/' : `${root}${rest}`);
