import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type ScratchFsType = 'ext4' | 'xfs' | 'btrfs';

/** A file system of its own on a loop device, for one test. Needs root. */
export interface ScratchFs {
  readonly type: ScratchFsType;
  /** Where it is mounted. */
  readonly path: string;
  readonly device: string;
  /** Unmounts what tests left mounted on it, detaches its device, removes its image. Idempotent. */
  close(): void;
}

const open = new Set<ScratchFs>();
let closesAtExit = false;

/** Sparse: `sizeBytes` costs nothing until it is written. */
export function openScratchFs(type: ScratchFsType, sizeBytes: bigint = 2n << 30n): ScratchFs {
  const directory = mkdtempSync(join(tmpdir(), `convoy-${type}-`));
  const image = join(directory, 'image');
  const path = join(directory, 'fs');
  let device: string | undefined;
  try {
    makeSparse(image, sizeBytes);
    mkdirSync(path);
    run(`mkfs.${type}`, '-q', ...(type === 'ext4' ? ['-F'] : []), image);
    device = run('losetup', '--find', '--show', image).trim();
    run('mount', '-t', type, device, path);
  } catch (error) {
    if (device !== undefined) run('losetup', '--detach', device);
    rmSync(directory, { recursive: true });
    throw error;
  }
  const fs: ScratchFs = { type, path, device, close: () => close(fs, directory) };
  closeAllAtExit();
  open.add(fs);
  return fs;
}

/** Mount points at or below `path`, topmost last. */
export function mountsBelow(path: string): readonly string[] {
  const targets = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => decode(line.split(' ')[4] ?? ''));
  return targets.filter((target) => target === path || target.startsWith(`${path}/`));
}

/** Backing files at or below `path` that loop devices of this machine have now. */
export function loopsBackedBelow(path: string): readonly { readonly device: string; readonly backing: string }[] {
  return run('losetup', '--list', '--noheadings', '--raw', '--output', 'NAME,BACK-FILE')
    .split('\n')
    .map((line) => ({ device: line.split(' ')[0] ?? '', backing: line.slice(line.indexOf(' ') + 1) }))
    .filter(({ backing }) => backing.startsWith(`${path}/`));
}

/** Unmounts and detaches all that lives below `path`, last mounted first. For clean-up: a failure is reported, not thrown. */
export function releaseBelow(path: string): void {
  for (const target of [...mountsBelow(path)].reverse()) unmount(target);
  for (const { device } of loopsBackedBelow(path)) {
    // Mounted or bound anywhere else than below `path` too: find it by its device.
    for (const target of mountsOfDevice(device).reverse()) unmount(target);
    quietly('losetup', '--detach', device);
  }
}

function close(fs: ScratchFs, directory: string): void {
  if (!open.delete(fs)) return;
  releaseBelow(fs.path);
  for (const target of mountsOfDevice(fs.device).reverse()) unmount(target);
  quietly('losetup', '--detach', fs.device);
  rmSync(directory, { recursive: true });
}

function mountsOfDevice(device: string): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => line.split(' - ')[1]?.split(' ')[1] === device).map((line) => decode(line.split(' ')[4] ?? ''));
}

function closeAllAtExit(): void {
  if (closesAtExit) return;
  closesAtExit = true;
  process.once('exit', () => {
    for (const fs of open) atExit(() => fs.close());
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
}

function makeSparse(image: string, sizeBytes: bigint): void {
  const file = openSync(image, 'wx', 0o600);
  ftruncateSync(file, Number(sizeBytes));
  closeSync(file);
}

/** Octal escapes of proc_pid_mountinfo(5). */
const decode = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** An error here must not keep the others from being cleaned up. */
export function atExit(clean: () => void): void {
  try {
    clean();
  } catch (error) {
    process.stderr.write(`clean-up: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

/** Lazily if need be: what still holds a file there (a daemon that was killed this very moment) lets go soon. */
function unmount(target: string): void {
  try {
    run('umount', target);
  } catch {
    quietly('umount', '--lazy', target);
  }
}

function quietly(command: string, ...args: string[]): void {
  try {
    run(command, ...args);
  } catch (error) {
    process.stderr.write(`${command} ${args.join(' ')}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
