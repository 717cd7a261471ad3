import { ConvoyError, fromErrno, isErrno } from '../convoy/errors.ts';
import { CommandError } from '../system/api.ts';

/**
 * Turns what a command or system call said into the family. `doing` completes "… failed". `secrets` (mount flags) are
 * struck out of the tail of the command's output that the message shows.
 */
export function fromCommand(error: unknown, doing: string, secrets: readonly string[] = []): ConvoyError {
  if (isErrno(error, 'ERANGE')) return new ConvoyError('OutOfRange', `${doing} failed: ${error.message.slice(0, 300)}`, { cause: error });
  if (!(error instanceof CommandError)) return fromErrno(error, doing);
  if (error.reason === 'missing') return new ConvoyError('Unavailable', `${doing} failed: ${error.message}`, { cause: error });
  if (error.reason === 'timeout')
    return new ConvoyError('Unavailable', `${doing} did not finish in time: check the disk (dmesg), then try again`, { cause: error });
  if (error.reason === 'aborted') return new ConvoyError('Cancelled', `${doing} was cancelled`, { cause: error });
  const tail = secrets.reduce((text, secret) => (secret === '' ? text : text.replaceAll(secret, '***')), error.stderr.trim().slice(-200));
  return new ConvoyError('Internal', `${doing} failed with exit code ${error.exitCode ?? 'unknown'}: ${tail}`, { cause: error });
}

/** An unmount that failed while the mount is still there: in all likelihood somebody uses it. A lazy unmount is never used. */
export function stillMounted(error: unknown, target: string): ConvoyError {
  if (isErrno(error, 'EBUSY') || (error instanceof CommandError && error.reason === 'exit'))
    return new ConvoyError(
      'InUse',
      `${target} cannot be unmounted, a process uses it: end what has files open there (fuser -vm ${target}), then try again`,
      { cause: error },
    );
  return fromCommand(error, `unmounting ${target}`);
}
