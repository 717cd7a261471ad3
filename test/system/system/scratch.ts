import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { System } from '../../../src/system/api.ts';
import { openSystem } from '../../../src/system/open-system.ts';

export type ScratchType = 'ext4' | 'xfs' | 'btrfs';
/** The smallest that each mkfs makes with its usual features. */
const MIB: Readonly<Record<ScratchType, number>> = { ext4: 64, xfs: 320, btrfs: 128 };

/** What a test file stands on: a directory of its own, undone in reverse order when the file is through. */
export interface Scratch {
  readonly system: System;
  /** A new empty directory. */
  directory(): string;
  /** Runs when the file is through, before what was set up earlier is undone. */
  undo(step: () => unknown): void;
  /** A new file system on a loop device; the answer is where it is mounted. */
  mounted(type: ScratchType, mib?: number): string;
}

/** Call at the top of a test file; its parts may be used in tests and in `before`. */
export function openScratch(): Scratch {
  const steps: (() => unknown)[] = [];
  const system = openSystem();
  let root = '';
  let count = 0;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'convoy-system-'));
  });
  after(async () => {
    await system.close();
    for (const step of steps.reverse()) await step();
    await rm(root, { recursive: true, force: true });
  });
  const directory = (): string => {
    const path = join(root, String(count++));
    mkdirSync(path);
    return path;
  };
  const undo = (step: () => unknown): void => void steps.push(step);
  const mounted = (type: ScratchType, mib = MIB[type]): string => {
    const [image, target] = [join(root, `${count}.img`), directory()];
    const file = openSync(image, 'wx');
    ftruncateSync(file, mib * 2 ** 20);
    closeSync(file);
    sh(`mkfs.${type}`, type === 'ext4' ? '-qF' : type === 'xfs' ? '-qf' : '-qf', image);
    sh('mount', '-o', 'loop', image, target);
    undo(() => sh('umount', '--recursive', target));
    return target;
  };
  return { system, directory, undo, mounted };
}

export function sh(binary: string, ...args: string[]): string {
  return execFileSync(binary, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
