import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ConvoyError, fromErrno, isErrno } from '../convoy/errors.ts';
import type { Log } from '../observe/log.ts';
import type { System } from '../system/api.ts';

/**
 * Whether this node counts. An admin who has declared it gone (`convoy node forget`) has released what is on it; the
 * controller tells the agent when it comes back. The agent then stays unready, over restarts too, and removes nothing by
 * itself (no trash is emptied, no left-over cleared): what is here may be the only copy. `convoy node readmit` ends it.
 */
export interface Admission {
  /** True while the node counts as gone. */
  readonly isGone: () => boolean;
  /** Reasons against being ready. */
  problems(): readonly string[];
  /** The controller's word. Durable when it returns. */
  set(admitted: boolean, reason: string): Promise<void>;
}

export async function openAdmission(root: string, system: System, log: Log): Promise<Admission> {
  const file = join(root, 'declared-gone');
  let gone = await readReason(file);
  if (gone !== undefined) log.warn({ reason: gone }, 'this node was declared gone');
  const change = async (next: string | undefined): Promise<void> => {
    if (next === gone) return;
    if (next === undefined) {
      await unlink(file).catch((error: unknown) => {
        if (!isErrno(error, 'ENOENT')) throw fromErrno(error, `removing ${file}`);
      });
      await system.files.syncDirectory(root);
      log.info({}, 'this node is used again');
    } else {
      await system.files.writeDurable(file, `${next}\n`);
      log.warn({ reason: next }, 'this node was declared gone');
    }
    gone = next;
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    isGone: () => gone !== undefined,
    problems: () => (gone === undefined ? [] : [gone]),
    // One after the other: the last word counts, also when the one before is still being written.
    set: (admitted, reason) => {
      const turn = last.then(() => change(admitted ? undefined : reason));
      last = turn.catch(() => undefined);
      return turn;
    },
  };
}

async function readReason(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw new ConvoyError('Unavailable', `cannot read ${file}, which tells whether this node was declared gone`, { cause: error });
  }
}
