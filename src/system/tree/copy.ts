import type { TreeCopyResult } from '../api.ts';
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from '../constants.ts';
import { codeError } from '../errno.ts';
import { check, closeFd, cString, type FileState, libc, openAt, openPath, stateOf, withFd } from '../libc.ts';
import type { Control } from './control.ts';
import { CopyPass, type CopyRun, UnstableError } from './copy-pass.ts';
import { readEntries, toText } from './directory.ts';
import { EntryTable } from './entry-table.ts';
import { removeAt } from './remove.ts';

/**
 * Copies a tree (`Trees.copy`). The first pass copies everything and remembers the state in which it read each entry;
 * each further pass compares, and copies again what is not as it was. The pass that finds nothing proves that all
 * entries stood as they were copied at the moment between it and the one before.
 */
export function copyTree(
  request: { readonly from: string; readonly to: string; readonly maxRounds: number },
  control: Control,
): TreeCopyResult {
  return withFd(openPath(request.from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), (source) =>
    withFd(openTarget(request.to, source, control), (target) => {
      const run: CopyRun = {
        source,
        target,
        targetState: stateOf(target),
        control,
        table: new EntryTable(),
        links: new Map(),
        sharing: { possible: true, shared: 0, copied: 0 },
        entries: 0,
        bytes: 0n,
        waits: 0,
      };
      return copyRounds(run, request.maxRounds);
    }),
  );
}

function copyRounds(run: CopyRun, maxRounds: number): TreeCopyResult {
  new CopyPass(run, { first: true, last: false, proving: maxRounds > 0 }).walk();
  const { entries, bytes } = run;
  let rounds = 0;
  for (let stable = maxRounds === 0; !stable; ) {
    rounds++;
    try {
      stable = new CopyPass(run, { first: false, last: rounds >= maxRounds, proving: true }).walk() === 0;
    } catch (error) {
      if (error instanceof UnstableError) return { kind: 'unstable', path: error.path, rounds };
      throw error;
    }
  }
  check(libc.syncfs(run.target), 'syncfs');
  const sharedBlocks = run.sharing.shared > 0 && run.sharing.copied === 0;
  return { kind: 'copied', entries, bytes, rounds, sharedBlocks };
}

/** Absent: made. The left-over of a copy that was killed: emptied, because what it holds proves nothing. */
function openTarget(path: string, source: number, control: Control): number {
  if (libc.mkdirat(AT_FDCWD, cString(path), 0o700) === 0) return openPath(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const target = openPath(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    refuseHolding(stateOf(target), source, path);
    for (const { name } of readEntries(target)) removeAt(target, name, control, () => `${path}/${toText(name)}`);
    return target;
  } catch (error) {
    closeFd(target);
    throw error;
  }
}

/** A target that is the source, or a directory above it, would be emptied with the source in it. */
function refuseHolding(target: FileState, source: number, path: string): void {
  const up = cString('..');
  let current = openAt(source, cString('.'), { flags: O_PATH | O_DIRECTORY });
  try {
    for (let below: FileState | undefined; ; ) {
      const state = stateOf(current);
      if (isSame(state, target)) throw codeError('EINVAL', 'copy', path, 'what is to be copied is this directory, or lies inside it');
      if (below !== undefined && isSame(state, below)) return; // the root is its own parent
      below = state;
      const parent = openAt(current, up, { flags: O_PATH | O_DIRECTORY });
      closeFd(current);
      current = parent;
    }
  } finally {
    closeFd(current);
  }
}

function isSame(one: FileState, other: FileState): boolean {
  return one.ino === other.ino && one.devMajor === other.devMajor && one.devMinor === other.devMinor;
}
