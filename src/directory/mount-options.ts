import type { Mounts } from '../system/api.ts';

/** Options of the mount that a path is on, those of its file system (`local_lock=none`) included. */
export async function optionsOf(mounts: Pick<Mounts, 'list'>, path: string): Promise<readonly string[]> {
  const holding = (await mounts.list()).filter(({ target }) => target === '/' || path === target || path.startsWith(`${target}/`));
  // The deepest target counts; of mounts on one target the last one, which hides the others.
  const found = holding.reduce<(typeof holding)[number] | undefined>(
    (best, each) => (best === undefined || each.target.length >= best.target.length ? each : best),
    undefined,
  );
  return found === undefined ? [] : [...found.options, ...found.superOptions];
}
