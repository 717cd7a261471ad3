import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { CGROUP_PREFIX } from './paths.ts';
import { childrenOf } from './processes.ts';
import { waitFor } from './shell.ts';

const ROOT = '/sys/fs/cgroup';

/** The node's cgroup in each hierarchy of this machine, whether it is there or not. */
export const cgroupsOf = (number: number): readonly string[] =>
  readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(ROOT, name, `${CGROUP_PREFIX}${number}`));

export function makeCgroups(number: number): void {
  for (const directory of cgroupsOf(number)) mkdirSync(directory, { recursive: true });
}

export async function removeCgroups(number: number): Promise<void> {
  for (const directory of cgroupsOf(number)) await remove(directory);
}

/** The processes of a container, by its id, as the machine numbers them; its first one first. */
export function containerProcesses(number: number, containerId: string): readonly number[] {
  const base = join(ROOT, 'pids', `${CGROUP_PREFIX}${number}`);
  const directory = readdirSync(base, { recursive: true, encoding: 'utf8' }).find((path) => path.endsWith(containerId));
  if (directory === undefined) return [];
  const pids = readFileSync(join(base, directory, 'cgroup.procs'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(Number);
  const children = new Set(pids.flatMap(childrenOf));
  return [...pids.filter((pid) => !children.has(pid)), ...pids.filter((pid) => children.has(pid))];
}

/** From the leaves up; after the end of the last process in one the kernel needs a moment. */
async function remove(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await remove(join(directory, entry.name));
  }
  await waitFor(
    `cgroup ${directory} to be empty`,
    () => {
      rmdirSync(directory);
      return true;
    },
    10_000,
  );
}
