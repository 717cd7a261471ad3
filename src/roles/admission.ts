import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ConvoyError, fromErrno, isErrno } from '../convoy/errors.ts';
import type { Log } from '../observe/log.ts';
import type { System } from '../system/api.ts';

/**
 * Whether this node counts. An admin who has declared it gone (`convoy node forget`) has released what is on it; the
 * controller tells the agent when it comes back. The agent then stays unready, over restarts too, and removes nothing by
 * itself (no trash is emptied, no left-over cleared): what is here may be the only copy. `convoy node readmit` ends it.
 *
 * A node that comes back cannot know that it was declared gone. So each process removes nothing by itself until a controller
 * has told it that the node counts, however long that takes.
 */
export interface Admission {
  /** True while nothing may be removed that nobody asks for just now. */
  readonly holdsDeletes: () => boolean;
  /** Reasons against being ready. */
  problems(): readonly string[];
  /** The controller's word. Durable when it returns. True: until now deletes were held, and they are no more. */
  set(admitted: boolean, reason: string): Promise<boolean>;
}

export interface AdmissionOptions {
  readonly root: string;
  /** There is a controller, whose word is waited for. */
  readonly waits: boolean;
  readonly system: System;
  readonly log: Log;
  /** Without a word for so long, the log tells of it, once. */
  readonly tellAfterMs?: number;
}

const TELL_AFTER_MS = 60_000;

export async function openAdmission({ root, waits, system, log, tellAfterMs = TELL_AFTER_MS }: AdmissionOptions): Promise<Admission> {
  const file = join(root, 'declared-gone');
  let gone = await readReason(file);
  // Not the same as "not gone": what could not be written down must hold as well.
  let held = waits || gone !== undefined;
  if (gone !== undefined) log.warn({ reason: gone }, 'this node was declared gone');
  else if (waits)
    setTimeout(() => {
      if (held && gone === undefined) log.warn({}, SILENT);
    }, tellAfterMs).unref();
  const write = async (next: string | undefined): Promise<void> => {
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
  const change = async (admitted: boolean, reason: string): Promise<boolean> => {
    if (!admitted) held = true;
    await write(admitted ? undefined : reason);
    const released = admitted && held;
    held = !admitted;
    return released;
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    holdsDeletes: () => held,
    problems: () => (gone === undefined ? [] : [gone]),
    // One after the other: the last word counts, also when the one before is still being written.
    set: (admitted, reason) => {
      const turn = last.then(() => change(admitted, reason));
      last = turn.catch(() => undefined);
      return turn;
    },
  };
}

const SILENT =
  'no controller has said yet that this node counts: until one does, nothing is removed here by itself (no trash is emptied, nothing that a stopped process left is cleared)';

async function readReason(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw new ConvoyError('Unavailable', `cannot read ${file}, which tells whether this node was declared gone`, { cause: error });
  }
}
