import type { CopyProgress } from '../api.ts';
import { abortError } from '../errno.ts';

/** How a job listens to its caller: asked between entries and between chunks. */
export interface Control {
  /** Throws an AbortError if the caller gave up. */
  check(): void;
  /** Counts work done, reports it now and then, and waits where a bandwidth is set. */
  add(entries: number, bytes: number): void;
  /** Waits, or throws as soon as the caller gives up. */
  sleep(milliseconds: number): void;
  done(): CopyProgress;
}

const REPORT_EVERY_MS = 200;

export function makeControl(
  cancel: Int32Array,
  options: { readonly job: string; readonly bandwidth?: number | undefined; readonly report: (done: CopyProgress) => void },
): Control {
  let entries = 0;
  let bytes = 0n;
  let reportedAt = performance.now();
  const startedAt = performance.now();

  const check = (): void => {
    if (Atomics.load(cancel, 0) !== 0) throw abortError(options.job);
  };
  const sleep = (milliseconds: number): void => {
    Atomics.wait(cancel, 0, 0, milliseconds);
    check();
  };
  /** Bytes are allowed at an even pace from the start, so a wait for metadata is made good later. */
  const pace = (): void => {
    if (options.bandwidth === undefined || options.bandwidth <= 0) return;
    const ahead = (Number(bytes) / options.bandwidth) * 1_000 - (performance.now() - startedAt);
    if (ahead > 1) sleep(ahead);
  };
  return {
    check,
    sleep,
    add: (moreEntries, moreBytes) => {
      check();
      entries += moreEntries;
      bytes += BigInt(moreBytes);
      const now = performance.now();
      if (now - reportedAt >= REPORT_EVERY_MS) {
        reportedAt = now;
        options.report({ entries, bytes });
      }
      if (moreBytes > 0) pace();
    },
    done: () => ({ entries, bytes }),
  };
}
