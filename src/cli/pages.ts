import { isConvoyError } from '../convoy/errors.ts';

const PAGE = 1000;

/** All entries of a paged list. A list whose token went stale under us is read once more from its start. */
export async function allPages<T>(
  read: (page: { maxEntries: number; startingToken: string }) => Promise<{ entries: readonly T[]; nextToken: string }>,
): Promise<readonly T[]> {
  try {
    return await readAll(read);
  } catch (error) {
    if (!isConvoyError(error, 'StaleToken')) throw error;
    return readAll(read);
  }
}

async function readAll<T>(read: Parameters<typeof allPages<T>>[0]): Promise<readonly T[]> {
  const all: T[] = [];
  let startingToken = '';
  do {
    const { entries, nextToken } = await read({ maxEntries: PAGE, startingToken });
    all.push(...entries);
    startingToken = nextToken;
  } while (startingToken !== '');
  return all;
}
