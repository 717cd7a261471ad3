/**
 * The one family of errors that anything below the protocol edge throws (docs/architecture.md, "Errors").
 *
 * The code is data: `csi/status.ts` turns it into a gRPC status, `cli` into an exit code, and
 * docs/troubleshooting.md lists it; a code without a row in each does not compile or fails a test.
 * A message says what was asked, what was found and what to do. It never holds a secret, a stack,
 * a mount option or more than a short tail of a command's output.
 */
export type ErrorCode =
  | 'NotFound' // proven absent: its pool is open and says so
  | 'AlreadyExists' // the name is taken by an object with other parameters
  | 'Busy' // another call or job works on it; try the same call again
  | 'NoSpace' // storage, or what the pool may promise, is used up
  | 'OutOfRange' // a size that cannot be met
  | 'InUse' // mounted, published or depended upon
  | 'Precondition' // the object or its data is not in a state that allows this
  | 'NotSupported' // this driver or this kernel cannot do it
  | 'InvalidArgument' // names the field, the value and what is allowed
  | 'Unavailable' // the pool, node or server cannot say; unknown is not absent
  | 'DataLoss' // a record or data is damaged
  | 'StaleToken' // a page token that this server did not hand out
  | 'Cancelled' // the caller gave up or the job was cancelled
  | 'Internal'; // a defect of ours or an unexpected failure below

const CODES: Readonly<Record<ErrorCode, true>> = {
  NotFound: true,
  AlreadyExists: true,
  Busy: true,
  NoSpace: true,
  OutOfRange: true,
  InUse: true,
  Precondition: true,
  NotSupported: true,
  InvalidArgument: true,
  Unavailable: true,
  DataLoss: true,
  StaleToken: true,
  Cancelled: true,
  Internal: true,
};
/** For codes that come over the wire. */
export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(CODES, text);

export class ConvoyError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ConvoyError';
    this.code = code;
  }
}

/** True for a ConvoyError, of the given code if one is named. */
export function isConvoyError(error: unknown, code?: ErrorCode): error is ConvoyError {
  return error instanceof ConvoyError && (code === undefined || error.code === code);
}

/** True for an error of the operating system with this errno name (`ENOENT`, `ENOSPC`, …). */
export function isErrno(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Shorthands for the codes that many places throw. */
export const notFound = (what: string): ConvoyError => new ConvoyError('NotFound', `${what} does not exist`);
export const invalid = (message: string): ConvoyError => new ConvoyError('InvalidArgument', message);

/**
 * Classifies what a system call said into the family: a full disk is NoSpace, a read-only or failing one
 * Unavailable, anything else Internal. `doing` completes "… failed while <doing>".
 */
export function fromErrno(error: unknown, doing: string): ConvoyError {
  if (error instanceof ConvoyError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const text = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new ConvoyError('NoSpace', `no space left while ${doing}: free space or grow the pool`, { cause: error });
  if (code === 'EROFS')
    return new ConvoyError('Unavailable', `the file system is read-only while ${doing}: check the disk, then remount it read-write`, {
      cause: error,
    });
  if (code === 'EIO')
    return new ConvoyError('Unavailable', `the disk reported an I/O error while ${doing}: check the disk (dmesg)`, { cause: error });
  if (code === 'ABORT_ERR' || (error instanceof Error && error.name === 'AbortError'))
    return new ConvoyError('Cancelled', `cancelled while ${doing}`, { cause: error });
  return new ConvoyError('Internal', `${doing} failed: ${text.slice(0, 300)}`, { cause: error });
}
