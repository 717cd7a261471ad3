import { inspect, isDeepStrictEqual } from 'node:util';
import { ConvoyError, type ErrorCode } from '../convoy/errors.ts';

/** What a case throws when the pool does not do what the contract says. */
export class ConformanceError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ConformanceError';
  }
}

export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new ConformanceError(what);
}

export function checkEqual(actual: unknown, expected: unknown, what: string): void {
  if (!isDeepStrictEqual(actual, expected)) throw new ConformanceError(`${what}: expected ${show(expected)}, found ${show(actual)}`);
}

/** The promise must fail with a ConvoyError of one of these codes. */
export async function checkRejects(promise: Promise<unknown>, codes: ErrorCode | readonly ErrorCode[], what: string): Promise<ConvoyError> {
  const allowed = typeof codes === 'string' ? [codes] : codes;
  try {
    await promise;
  } catch (error) {
    if (error instanceof ConvoyError && allowed.includes(error.code)) return error;
    throw new ConformanceError(
      `${what}: expected ${allowed.join(' or ')}, found ${error instanceof ConvoyError ? `${error.code}: ${error.message}` : String(error)}`,
      { cause: error },
    );
  }
  throw new ConformanceError(`${what}: expected ${allowed.join(' or ')}, but it succeeded`);
}

/** Two inventories must be the same; the message has what came and what went. */
export function checkNothingChanged(now: readonly string[], before: readonly string[], what: string): void {
  const [then, today] = [new Set(before), new Set(now)];
  const changes = [
    ...now.filter((line) => !then.has(line)).map((line) => `+ ${line}`),
    ...before.filter((line) => !today.has(line)).map((line) => `- ${line}`),
  ];
  if (changes.length > 0) throw new ConformanceError(`${what}: ${changes.slice(0, 20).join('; ')}`);
}

const show = (value: unknown): string => inspect(value, { breakLength: Infinity, depth: 4 }).slice(0, 800);
