import { getSystemErrorMap, getSystemErrorName } from 'node:util';

/** What a worker sends instead of an error: structured clone keeps no `code` on an Error. */
export interface WireError {
  readonly code: string | undefined;
  readonly errno: number | undefined;
  readonly syscall: string | undefined;
  readonly path: string | undefined;
  readonly message: string;
}

const BY_CODE = new Map([...getSystemErrorMap()].map(([number, [code]]) => [code, -number] as const));

/** An error as Node's own file functions throw it, from a positive errno. `note` says what to do, where that is known. */
export function errnoError(errno: number, syscall: string, path?: string, note?: string): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error'];
  return build(code, errno, syscall, path, note ?? text);
}

/** The same from the name of an errno, for what this code decides itself. */
export function codeError(code: string, syscall: string, path?: string, note?: string): NodeJS.ErrnoException {
  const errno = BY_CODE.get(code) ?? (code === 'EWOULDBLOCK' ? BY_CODE.get('EAGAIN') : undefined) ?? 0;
  return build(code, errno, syscall, path, note ?? errnoText(errno));
}

export function toWire(error: unknown): WireError {
  if (!(error instanceof Error)) return { code: undefined, errno: undefined, syscall: undefined, path: undefined, message: String(error) };
  const { code, errno, syscall, path, message } = error as NodeJS.ErrnoException;
  return { code, errno, syscall, path, message };
}

export function fromWire(wire: WireError): Error {
  const error: NodeJS.ErrnoException = new Error(wire.message);
  if (wire.code !== undefined) error.code = wire.code;
  if (wire.errno !== undefined) error.errno = wire.errno;
  if (wire.syscall !== undefined) error.syscall = wire.syscall;
  if (wire.path !== undefined) error.path = wire.path;
  if (wire.code === 'ABORT_ERR') error.name = 'AbortError';
  return error;
}

/** As `AbortSignal` consumers throw it. */
export function abortError(what: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${what} was aborted`);
  error.name = 'AbortError';
  error.code = 'ABORT_ERR';
  return error;
}

/** The same error with the path it happened at, for those raised where only a descriptor was known. */
export function withPath(error: unknown, path: string): unknown {
  if (!(error instanceof Error)) return error;
  const { code, errno, syscall, path: known } = error as NodeJS.ErrnoException;
  if (code === undefined || errno === undefined || known !== undefined) return error;
  const told = build(code, -errno, syscall ?? 'system call', path, errnoText(-errno));
  told.cause = error;
  return told;
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? '');
}

function build(code: string, errno: number, syscall: string, path: string | undefined, text: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${code}: ${text}, ${syscall}${path === undefined ? '' : ` '${path}'`}`);
  error.code = code;
  error.errno = -errno;
  error.syscall = syscall;
  if (path !== undefined) error.path = path;
  return error;
}

function errnoText(errno: number): string {
  return errno === 0 ? 'refused' : (getSystemErrorMap().get(-errno)?.[1] ?? getSystemErrorName(-errno));
}
