import type { LoggerOptions } from 'pino';
import { pino } from 'pino';

export type LogFields = Readonly<Record<string, unknown>>;

/** What the layers log with. Keys of fields are snake_case and the same everywhere: method, volume_id, pool, request_id, code, duration_ms, … */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** The same log with these fields on every entry. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  /** The daemon logs to stdout, where container runtimes look; commands keep stdout for their answer. */
  readonly to: 'stdout' | 'stderr';
}

/** JSON lines. Written synchronously: what was logged before a crash is there after it. */
export function createLog(options: LogOptions): Log {
  const settings: LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: describeError, error: describeError },
    messageKey: 'message',
  };
  return pino(settings, pino.destination({ dest: options.to === 'stdout' ? 1 : 2, sync: true }));
}

/** Message, code, stack and causes of an error, for the log alone: none of it but the message ever reaches a client. */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause } = error;
  const code = (error as { readonly code?: unknown }).code;
  return {
    name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(depth === 0 ? { stack } : {}),
    ...(cause === undefined || depth > 4 ? {} : { cause: describeError(cause, depth + 1) }),
  };
}
