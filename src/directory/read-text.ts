import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { ConvoyError, isErrno } from '../convoy/errors.ts';
import { failure } from './failures.ts';
import { notStale } from './fresh.ts';

const LIMIT_BYTES = 1 << 20;
/**
 * A small file of ours; undefined if there is none. No link is followed and nothing but a regular file is read.
 * DataLoss for what cannot be ours, or is no UTF-8.
 */
export async function readText(path: string, what: string): Promise<string | undefined> {
  return await notStale(async () => await readOnce(path, what));
}

async function readOnce(path: string, what: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw new ConvoyError('DataLoss', `${what} at ${path} is not a regular file`);
      if (found.size > LIMIT_BYTES)
        throw new ConvoyError('DataLoss', `${what} at ${path} has ${found.size} bytes, more than any that was written`);
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await file.readFile());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    if (isErrno(error, 'ELOOP', 'ENXIO')) throw new ConvoyError('DataLoss', `${what} at ${path} is not a regular file`, { cause: error });
    if (isErrno(error, 'ERR_ENCODING_INVALID_ENCODED_DATA'))
      throw new ConvoyError('DataLoss', `${what} at ${path} is not text`, { cause: error });
    throw failure(error, `reading ${path}`);
  }
}
