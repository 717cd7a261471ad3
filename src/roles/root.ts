import { lstat, mkdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ConvoyError, fromErrno, invalid, isErrno } from '../convoy/errors.ts';
import type { PoolConfig } from '../pool/api.ts';
import type { FileLock, System } from '../system/api.ts';

const LOCK_TRIES = 25;
const LOCK_PAUSE_MS = 200;

/**
 * Makes the root if it is not there, and takes it for this process: two processes would sweep each other's mounts.
 * Waits a few seconds for one that is just stopping. Busy names what to do.
 */
export async function claimRoot(root: string, system: System): Promise<FileLock> {
  await makeDirectory(root, 0o711);
  const file = join(root, 'lock');
  await writeFile(file, '', { flag: 'a', mode: 0o600 }).catch((error: unknown) => {
    throw fromErrno(error, `making ${file}`);
  });
  for (let tries = 1; ; tries += 1) {
    try {
      return await system.files.lock(file);
    } catch (error) {
      if (!isErrno(error, 'EWOULDBLOCK', 'EAGAIN')) throw fromErrno(error, `locking ${root}`);
      if (tries === LOCK_TRIES) throw taken(root, error);
      await delay(LOCK_PAUSE_MS);
    }
  }
}

const taken = (root: string, cause: unknown): ConvoyError =>
  new ConvoyError('Busy', `another convoy process works on ${root}: stop it, or give this one another --root`, { cause });

/** With its parents. A directory that exists is left as it is; anything else there is refused. */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o711 });
    await mkdir(path, { mode });
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw fromErrno(error, `making ${path}`);
    if (!(await lstat(await realpath(path))).isDirectory()) throw invalid(`${path} exists and is no directory`);
  }
}

/** Where pools are on this host, links resolved where the place is there: nothing is published in or over them. */
export async function poolPlaces(pools: readonly PoolConfig[]): Promise<readonly string[]> {
  const paths = pools.flatMap(({ options }) =>
    Object.entries(options).flatMap(([key, value]) => (key.endsWith('.path') && value.startsWith('/') ? [value] : [])),
  );
  const real = await Promise.all(paths.map((path) => realpath(path).catch(() => path)));
  return [...new Set([...paths, ...real])];
}
