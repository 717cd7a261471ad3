import type { CallContext } from '../convoy/contract.ts';
import { ConvoyError, fromErrno, isErrno } from '../convoy/errors.ts';
import type { CopyCall, Mounts } from '../system/api.ts';

/** A server that is away, or a mount that has lost it. */
export const NO_ANSWER = ['ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ETIMEDOUT'] as const;

/**
 * What a failed step is: Cancelled whenever the caller is gone, else what the errno says. Beside what it says anywhere, there is
 * what only a server says.
 */
export function failure(error: unknown, doing: string, signal?: AbortSignal): ConvoyError {
  if (error instanceof ConvoyError) return error;
  if (signal?.aborted === true) return new ConvoyError('Cancelled', `cancelled while ${doing}`, { cause: error });
  if (isErrno(error, 'EACCES', 'EPERM'))
    return new ConvoyError(
      'Precondition',
      `root was refused (${error.code}, ${error.syscall ?? 'a system call'}) while ${doing}: everything in a pool is root's, and copies keep every owner; an NFS export needs no_root_squash for this host, elsewhere this process lacks a capability`,
      { cause: error },
    );
  if (isErrno(error, ...NO_ANSWER))
    return new ConvoyError('Unavailable', `the server does not answer (${error.code}) while ${doing}: check it and the mount`, {
      cause: error,
    });
  return fromErrno(error, doing);
}

/** Undefined instead of ENOENT; other errors are classified. */
export async function unlessAbsent<T>(work: Promise<T>, doing: string): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw failure(error, doing);
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
