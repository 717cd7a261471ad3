import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** One hash over everything below a directory: names, kinds, owners, modes, times of files, bytes, link targets, hard links. */
export function hashTree(root: string): string {
  const hash = createHash('sha256');
  for (const line of describeTree(root)) hash.update(`${line}\n`);
  return hash.digest('hex');
}

/** One line for each entry below `root`, sorted by path; what a file system makes by itself is left out. */
export function describeTree(root: string): readonly string[] {
  const firstPathOf = new Map<bigint, string>();
  return listTree(root)
    .filter((path) => path !== 'lost+found')
    .map((path) => {
      const full = join(root, path);
      const entry = lstatSync(full, { bigint: true });
      const first = firstPathOf.get(entry.ino) ?? path;
      firstPathOf.set(entry.ino, first);
      return `${path} ${entry.mode.toString(8)} ${entry.uid}:${entry.gid} ${describeContent(full, entry, first === path ? '' : first)}`;
    });
}

function describeContent(path: string, entry: BigIntStats, sameAs: string): string {
  if (entry.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  return entry.isFile() ? `${entry.size} ${entry.mtimeNs} ${sameAs === '' ? hashFile(path) : `= ${sameAs}`}` : '';
}

/** Paths of all entries below `root`, relative to it, sorted. */
export function listTree(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
}

/** Also of a block device. */
export function hashFile(path: string): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(1 << 20);
  const file = openSync(path, 'r');
  try {
    for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) hash.update(buffer.subarray(0, length));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/** A little of everything that a copy can get wrong; the same every time, times included. */
export function writeSampleTree(root: string): void {
  mkdirSync(join(root, 'a/b/c'), { recursive: true, mode: 0o750 });
  for (let index = 0; index < 20; index += 1)
    writeFileSync(join(root, 'a/b', `file ${index} ü`), `${index}\n`.repeat(index * 1000), { mode: 0o600 + index });
  linkSync(join(root, 'a/b/file 7 ü'), join(root, 'a/hard link'));
  symlinkSync('../../../etc/passwd', join(root, 'a/b/c/link'));
  const sparse = openSync(join(root, 'sparse'), 'w');
  writeSync(sparse, 'end', (8 << 20) - 3);
  closeSync(sparse);
  for (const path of listTree(root)) if (lstatSync(join(root, path)).isFile()) utimesSync(join(root, path), 1_000_000_000, 1_234_567_890.5);
}
