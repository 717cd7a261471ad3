import type { ErrorCode } from '../convoy/errors.ts';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';

/**
 * Does the same with every name, in order, also after one that failed: the same command again would never come past it.
 * `failure` is one error for all that failed, with the code of the first. An interrupt ends it at once.
 */
export async function eachOf<T>(
  names: readonly string[],
  work: (name: string) => Promise<T>,
): Promise<{ readonly done: readonly T[]; readonly failure?: ConvoyError }> {
  const done: T[] = [];
  const failed: ConvoyError[] = [];
  for (const name of names) {
    try {
      done.push(await work(name));
    } catch (error) {
      if (!isConvoyError(error) || error.code === 'Cancelled') throw error;
      failed.push(error);
    }
  }
  const [first, ...more] = failed;
  if (first === undefined) return { done };
  return { done, failure: more.length === 0 ? first : together(first.code, failed) };
}

const together = (code: ErrorCode, failed: readonly ConvoyError[]): ConvoyError =>
  new ConvoyError(code, failed.map(({ message }) => message).join('; '), { cause: new AggregateError(failed) });
