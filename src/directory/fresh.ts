import { opendir } from 'node:fs/promises';
import { isErrno } from '../convoy/errors.ts';
import { unlessAbsent } from './failures.ts';

/** How often a file is opened that another host replaces while it is read. */
const ATTEMPTS = 5;

/**
 * Makes a network file system ask its server what is in a directory: it may believe for a minute that a name is absent which
 * another host has made since, or there which another has moved away. Opening the directory ends that (nfs(5), "Close-to-open
 * cache consistency"). Costs a system call elsewhere.
 */
export async function askAfresh(directory: string): Promise<void> {
  const opened = await unlessAbsent(opendir(directory), `reading ${directory}`);
  await opened?.close();
}

/** A server keeps no file for who has it open: what another host replaces meanwhile is opened again. */
export async function notStale<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      const errno = error instanceof Error && error.cause !== undefined ? error.cause : error;
      if (attempt === ATTEMPTS || !isErrno(errno, 'ESTALE')) throw error;
    }
  }
}
