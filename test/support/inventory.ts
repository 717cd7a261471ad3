import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../../src/convoy/errors.ts';
import type { System } from '../../src/system/api.ts';

/**
 * Everything below the given directories, one line each, sorted: files and directories, mounts, and loop devices of this
 * machine whose backing file is there. Equal before and after means that nothing was left. Of `targets` only the mounts.
 */
export async function inventory(system: System, directories: readonly string[], targets: string): Promise<readonly string[]> {
  const inside = (path: string): boolean => [...directories, targets].some((directory) => path.startsWith(`${directory}/`));
  const files = (await Promise.all(directories.map((directory) => walk(directory)))).flat();
  const mounts = (await system.mounts.list()).filter((mount) => inside(mount.target)).map((mount) => `mount ${mount.target}`);
  const loops = (await backingFiles())
    .filter(({ backing }) => inside(backing))
    .map(({ name, backing }) => `loop device ${name} on ${backing}`);
  return [...files, ...mounts, ...loops].sort();
}

async function walk(directory: string): Promise<string[]> {
  const lines: string[] = [];
  for (const entry of await entriesOf(directory)) {
    const path = join(directory, entry.name);
    lines.push(`${entry.isDirectory() ? 'directory' : 'file'} ${path}`);
    if (entry.isDirectory()) lines.push(...(await walk(path)));
  }
  return lines;
}

/** What goes away under the walk is not there. */
async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

async function backingFiles(): Promise<readonly { readonly name: string; readonly backing: string }[]> {
  const found: { name: string; backing: string }[] = [];
  for (const name of (await readdir('/sys/block')).filter((each) => each.startsWith('loop'))) {
    try {
      found.push({ name, backing: (await readFile(`/sys/block/${name}/loop/backing_file`, 'utf8')).trim() });
    } catch (error) {
      // Not attached, or detached between the two looks.
      if (!isErrno(error, 'ENOENT', 'ENXIO', 'ENODEV')) throw error;
    }
  }
  return found;
}
