import { createHash } from 'node:crypto';
import { chmod, chown, link, lstat, mkdir, open, readdir, readFile, readlink, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { check } from './check.ts';

/** Writes `text` to a file of a mounted volume, so that a copy of the volume must have it. */
export async function put(directory: string, name: string, text: string): Promise<void> {
  const file = await open(join(directory, name), 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** undefined when the file is not there. */
export async function take(directory: string, name: string): Promise<string | undefined> {
  const names = await readdir(directory);
  return names.includes(name) ? readFile(join(directory, name), 'utf8') : undefined;
}

/** A tree with one of each thing that a copy can lose. */
export async function plantTree(directory: string): Promise<void> {
  const tree = join(directory, 'tree');
  await mkdir(join(tree, 'deep/er'), { recursive: true });
  await writeFile(join(tree, 'file'), 'content');
  await chown(join(tree, 'file'), 1234, 5678);
  await chmod(join(tree, 'file'), 0o4751);
  await utimes(join(tree, 'file'), new Date(1_000_000_000_123), new Date(1_100_000_000_456));
  await link(join(tree, 'file'), join(tree, 'deep/hard'));
  await symlink('../../../../etc/passwd', join(tree, 'deep/soft'));
  await writeFile(join(tree, '  odd\nname 🐋'), '');
  const sparse = await open(join(tree, 'sparse'), 'w');
  try {
    await sparse.truncate(4 << 20);
    await sparse.write('end', (4 << 20) - 3);
    await sparse.sync();
  } finally {
    await sparse.close();
  }
  await chmod(join(tree, 'deep'), 0o2710);
}

/** One line for each entry of the tree: what a copy must keep. Ends with whether the hard links are still one file. */
export async function describeTree(directory: string): Promise<readonly string[]> {
  const tree = join(directory, 'tree');
  const names = (await readdir(tree, { recursive: true })).sort();
  const lines: string[] = [];
  for (const name of names) {
    const path = join(tree, name);
    const found = await lstat(path, { bigint: true });
    const times = found.isFile() ? found.mtimeNs : '';
    const content = found.isSymbolicLink() ? await readlink(path) : found.isFile() ? hash(await readFile(path)) : '';
    lines.push(
      `${JSON.stringify(name)} ${found.mode.toString(8)} ${found.uid}:${found.gid} ${found.isDirectory() ? '' : found.size} ${times} ${content}`,
    );
  }
  const [one, other] = await Promise.all([lstat(join(tree, 'file')), lstat(join(tree, 'deep/hard'))]);
  check(names.length > 0, 'the tree is empty');
  return [...lines, `hard link kept: ${one.ino === other.ino}`];
}

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
