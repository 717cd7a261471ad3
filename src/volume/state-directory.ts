import { open, readdir, readFile, realpath, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordOperations, StorageOperations } from '../convoy/contract.ts';
import { ConvoyError, fromErrno, isErrno } from '../convoy/errors.ts';
import { assertLocalId, type ObjectKind } from '../convoy/ids.ts';
import type { FileLock, Files } from '../system/api.ts';

const MARKER = 'convoy-pool.json';
const LOCK = 'convoy-pool.lock';
/** What a new file system holds by itself, our lock, and what a killed `writeMarker` left. */
const OF_AN_EMPTY_POOL = ['lost+found', LOCK, `.${MARKER}.tmp`];
const FOLDER = { volume: 'volume-records', snapshot: 'snapshot-records' } as const satisfies Record<ObjectKind, string>;

export interface StateDirectory {
  readonly storage: StorageOperations;
  readonly records: RecordOperations;
  close(): Promise<void>;
}

export interface StateOptions {
  /** Folders that a new pool has besides; any user may pass through them. */
  readonly folders?: readonly string[];
  /** Called once this process alone manages the directory. Not waited for. */
  managed?(): void;
}

/** Marker and records of a driver that has no place for them with its data: files in a directory, `<kind>-records/<id>.json`. */
export function stateDirectory(files: Files, directory: string, options: StateOptions = {}): StateDirectory {
  const storage = new DirectoryStorage(files, directory, options);
  return { storage, records: directoryRecords(files, directory, storage), close: () => storage.close() };
}

class DirectoryStorage implements StorageOperations {
  readonly #files: Files;
  readonly #directory: string;
  readonly #options: StateOptions;
  #lock: FileLock | undefined;
  #identity: string | undefined;

  constructor(files: Files, directory: string, options: StateOptions) {
    this.#files = files;
    this.#directory = directory;
    this.#options = options;
  }

  async readMarker(): Promise<string | undefined> {
    this.#identity = await this.#reach();
    return readIfThere(join(this.#directory, MARKER));
  }

  async isEmpty(): Promise<boolean> {
    await this.#reach();
    const ours: readonly string[] = [...(this.#options.folders ?? []), ...Object.values(FOLDER)];
    for (const entry of await readdir(this.#directory)) {
      if (OF_AN_EMPTY_POOL.includes(entry)) continue;
      if (!ours.includes(entry) || (await readdir(join(this.#directory, entry))).length > 0) return false;
    }
    return true;
  }

  async writeMarker(text: string, replace: boolean): Promise<void> {
    this.#identity = await this.#reach();
    const path = join(this.#directory, MARKER);
    const present = (await readIfThere(path)) !== undefined;
    if (!replace && present)
      throw new ConvoyError(
        'AlreadyExists',
        `${this.#directory} is a pool already: use it as it is, or give its data up with "convoy pools init --replace"`,
      );
    // Whoever manages the pool would go on under another's marker.
    const guard = present && this.#lock === undefined ? await this.#takeLock() : undefined;
    try {
      for (const folder of this.#options.folders ?? []) await this.#files.mkdirDurable(join(this.#directory, folder), 0o711);
      for (const folder of Object.values(FOLDER)) await this.#files.mkdirDurable(join(this.#directory, folder), 0o700);
      await this.#files.writeDurable(path, text, { mode: 0o600 });
    } catch (error) {
      throw fromErrno(error, `making a pool in ${this.#directory}`);
    } finally {
      await guard?.release();
    }
  }

  async lock(): Promise<void> {
    if (this.#lock !== undefined) return;
    await this.#reach();
    this.#lock = await this.#takeLock();
    this.#options.managed?.();
  }

  async #takeLock(): Promise<FileLock> {
    try {
      const path = join(this.#directory, LOCK);
      // Apart from the marker, which a replacement renames away from under a lock.
      await (await open(path, 'a', 0o600)).close();
      return await this.#files.lock(path);
    } catch (error) {
      if (!isErrno(error, 'EWOULDBLOCK', 'EAGAIN')) throw fromErrno(error, `locking ${this.#directory}`);
      throw new ConvoyError('Busy', `another process manages ${this.#directory}: stop it, or wait for it to end`, { cause: error });
    }
  }

  async assertSame(): Promise<void> {
    const found = await this.#reach();
    if (!(await isFile(join(this.#directory, MARKER))))
      throw new ConvoyError(
        'Unavailable',
        `${this.#directory} has no marker (${MARKER}): it is not the pool that it was; put the right disk back`,
      );
    if (this.#identity !== undefined && found !== this.#identity)
      throw new ConvoyError(
        'Unavailable',
        `${this.#directory} is not the directory that was opened: check that its disk is mounted, then restart`,
      );
  }

  async place(): Promise<string> {
    await this.#reach();
    return realpath(this.#directory);
  }

  async close(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.release();
  }

  async #reach(): Promise<string> {
    try {
      const found = await stat(this.#directory);
      if (found.isDirectory()) return `${found.dev}:${found.ino}`;
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw fromErrno(error, `reaching ${this.#directory}`);
    }
    throw new ConvoyError('Unavailable', `${this.#directory} is not a directory: make it, or mount the disk that holds it`);
  }
}

function directoryRecords(files: Files, directory: string, storage: StorageOperations): RecordOperations {
  const path = (kind: ObjectKind, id: string): string => {
    assertLocalId(id, kind);
    return join(directory, FOLDER[kind], `${id}.json`);
  };
  return {
    readRecord: async (kind, id) => {
      const text = await readIfThere(path(kind, id));
      // Absence proves nothing unless the pool is still there.
      if (text === undefined) await storage.assertSame();
      return text;
    },
    writeRecord: async (kind, id, text) => {
      try {
        await files.writeDurable(path(kind, id), text, { mode: 0o600 });
      } catch (error) {
        throw fromErrno(error, `writing the record of ${kind} ${id}`);
      }
    },
    removeRecord: async (kind, id) => {
      try {
        await unlink(path(kind, id));
        await files.syncDirectory(join(directory, FOLDER[kind]));
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) throw fromErrno(error, `removing the record of ${kind} ${id}`);
        await storage.assertSame();
      }
    },
    listRecords: async (kind) => {
      try {
        const entries = await readdir(join(directory, FOLDER[kind]));
        return entries.filter((entry) => entry.endsWith('.json')).map((entry) => entry.slice(0, -'.json'.length));
      } catch (error) {
        await storage.assertSame();
        throw fromErrno(error, `listing the records in ${directory}`);
      }
    },
  };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw fromErrno(error, `reading ${path}`);
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw fromErrno(error, `looking at ${path}`);
  }
}
