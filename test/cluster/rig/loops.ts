import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { nodeDirectory, xfsImage } from './node-config.ts';
import { run, tryRun, waitFor } from './shell.ts';

interface Loop {
  readonly device: string;
  /** `major:minor` and inode of its backing file: what a path, seen from another mount namespace, does not tell. */
  readonly backDevice: string;
  readonly backInode: string;
}

/** Loop devices whose backing file is on this node's disk or on its xfs, the xfs' own last. */
export async function loopsOfNode(number: number): Promise<readonly string[]> {
  if (!existsSync(nodeDirectory(number))) return [];
  const loops = await listLoops();
  const image = statSync(xfsImage(number), { throwIfNoEntry: false, bigint: true });
  const xfs = loops.filter(({ backDevice, backInode }) => image && backDevice === deviceOf(image.dev) && backInode === String(image.ino));
  const onXfs = loops.filter(({ backDevice }) =>
    xfs.some(({ device }) => deviceOf(statSync(device, { bigint: true }).rdev) === backDevice),
  );
  const onDisk = await loopsOnDisk(loops, join(nodeDirectory(number), 'disk'));
  return [...onDisk, ...onXfs, ...xfs].map(({ device }) => device);
}

/**
 * For a node whose processes are gone: on a real machine the power cut does it. Its mounts go with its last process, a moment
 * later; then the loop devices that they held can go.
 */
export async function releaseLoopsOfNode(number: number): Promise<void> {
  await waitFor(
    `the loop devices of node ${number} to go`,
    async () => {
      const loops = await loopsOfNode(number);
      for (const device of loops) await tryRun('losetup', ['--detach', device]);
      return loops.length === 0 ? true : undefined;
    },
    15_000,
  );
}

async function loopsOnDisk(loops: readonly Loop[], disk: string): Promise<readonly Loop[]> {
  if (!existsSync(disk)) return [];
  const candidates = loops.filter(({ backDevice }) => backDevice === deviceOf(statSync(disk, { bigint: true }).dev));
  if (candidates.length === 0) return [];
  const inodes = candidates.flatMap(({ backInode }, index) => [...(index === 0 ? [] : ['-o']), '-inum', backInode]);
  const images = join(disk, 'var/lib/containerd');
  const found = await run('find', [disk, '-xdev', '-path', images, '-prune', '-o', '(', ...inodes, ')', '-printf', '%i\n']);
  const ours = new Set(found.split('\n'));
  return candidates.filter(({ backInode }) => ours.has(backInode));
}

async function listLoops(): Promise<readonly Loop[]> {
  const lines = await run('losetup', ['--list', '--noheadings', '--raw', '--output', 'NAME,BACK-MAJ:MIN,BACK-INO']);
  return (
    lines
      .split('\n')
      // losetup pads the device's number, and then escapes its own blanks.
      .map((line) => line.replaceAll('\\x20', ' ').trim().split(/\s+/))
      .filter((words) => words.length === 3)
      .map(([device = '', backDevice = '', backInode = '']) => ({ device, backDevice, backInode }))
  );
}

/** As glibc packs it. */
function deviceOf(packed: bigint): string {
  const major = ((packed >> 8n) & 0xfffn) | ((packed >> 32n) & ~0xfffn);
  const minor = (packed & 0xffn) | ((packed >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}
