import type { ErrorCode } from '../convoy/errors.ts';

/** Exit status of the `convoy` command for each error. Part of the interface: scripts rely on it. docs/cli.md lists the same. */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  Internal: 1,
  InvalidArgument: 2,
  NotFound: 3,
  AlreadyExists: 4,
  Busy: 5,
  NoSpace: 6,
  OutOfRange: 7,
  InUse: 8,
  Precondition: 9,
  NotSupported: 10,
  Unavailable: 11,
  DataLoss: 12,
  StaleToken: 13,
  Cancelled: 130,
};

/** A bad command line or config file. */
export const EXIT_USAGE = EXIT_CODES.InvalidArgument;
/** `convoy doctor` ran to its end and something failed. */
export const EXIT_DOCTOR_FAILED = 20;

const MEANING: Readonly<Record<ErrorCode, string>> = {
  Internal: "a defect, or an unexpected failure: see the daemon's log",
  InvalidArgument: 'bad command line, option or config file',
  NotFound: 'no such object',
  AlreadyExists: 'the name is taken by an object with other parameters',
  Busy: 'another call or job works on it; try again',
  NoSpace: 'storage, or what the pool may promise, is used up',
  OutOfRange: 'a size that cannot be met',
  InUse: 'mounted, published or depended upon',
  Precondition: 'the object is not in a state that allows this',
  NotSupported: 'this driver or kernel cannot do it',
  Unavailable: 'the daemon or the pool cannot be reached',
  DataLoss: 'a record or data is damaged',
  StaleToken: 'a list changed under its reader; try again',
  Cancelled: 'interrupted',
};

/** One row each, for the help texts and docs/cli.md. */
export function exitCodeTable(): readonly { readonly exit: number; readonly code: string; readonly meaning: string }[] {
  const rows = (Object.keys(EXIT_CODES) as ErrorCode[]).map((code) => ({
    exit: EXIT_CODES[code],
    code: code as string,
    meaning: MEANING[code],
  }));
  const doctor = { exit: EXIT_DOCTOR_FAILED, code: '', meaning: 'convoy doctor found something wrong' };
  return [{ exit: 0, code: '', meaning: 'success' }, ...rows, doctor].sort((a, b) => a.exit - b.exit);
}
