import type { CallContext } from '../convoy/contract.ts';
import { ConvoyError, fromErrno, isErrno } from '../convoy/errors.ts';
import type { CopyCall, Mounts } from '../system/api.ts';

/** What a failed step of a cancellable call is: Cancelled whenever the caller is gone, else what the errno says. */
export function failure(error: unknown, doing: string, signal?: AbortSignal): ConvoyError {
  if (signal?.aborted === true && !(error instanceof ConvoyError))
    return new ConvoyError('Cancelled', `cancelled while ${doing}`, { cause: error });
  return fromErrno(error, doing);
}

/** Undefined instead of ENOENT; other errors are classified. */
export async function unlessAbsent<T>(work: Promise<T>, doing: string): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw fromErrno(error, doing);
  }
}

/** The kernel layer's view of a call. */
export function copyCall(call: CallContext): CopyCall {
  return {
    signal: call.signal,
    progress: (done) => call.progress({ doneBytes: done.bytes, doneEntries: done.entries }),
    ...(call.bandwidth === undefined ? {} : { bandwidth: call.bandwidth }),
  };
}

/** InUse when anything is mounted at or below `path`: what is moved or removed must be ours alone. */
export async function refuseMountsBelow(mounts: Mounts, path: string, doing: string): Promise<void> {
  const found = (await mounts.list()).find((mount) => mount.target === path || mount.target.startsWith(`${path}/`));
  if (found !== undefined)
    throw new ConvoyError('InUse', `${doing}: ${found.source} is mounted at ${found.target}: unmount it, then try again`);
}
