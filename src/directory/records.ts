import { readdir, rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RecordOperations } from '../convoy/contract.ts';
import { ConvoyError, isErrno } from '../convoy/errors.ts';
import { isLocalId, type ObjectKind } from '../convoy/ids.ts';
import type { Files } from '../system/api.ts';
import { failure, unlessAbsent } from './failures.ts';
import { askAfresh } from './fresh.ts';
import { ADOPTED_FROM, KEPT_AS, type Layout, RECORD, unfinished } from './layout.ts';
import { readText } from './read-text.ts';
import type { DirectoryStorage } from './storage.ts';

/** Files beside an object's data that go with its record. */
const SMALL_FILES = [RECORD, ADOPTED_FROM, KEPT_AS].flatMap((name) => [name, unfinished(name)]);

/** `record.json` in the object's own directory. */
export class DirectoryRecords implements RecordOperations {
  readonly #files: Files;
  readonly #layout: Layout;
  readonly #storage: DirectoryStorage;

  constructor(files: Files, layout: Layout, storage: DirectoryStorage) {
    this.#files = files;
    this.#layout = layout;
    this.#storage = storage;
  }

  async readRecord(kind: ObjectKind, id: string): Promise<string | undefined> {
    const read = async (): Promise<string | undefined> => await readText(this.#layout.record(kind, id), `the record of ${kind} ${id}`);
    const text = await read();
    if (text !== undefined) return text;
    await askAfresh(this.#layout.folder(kind));
    const again = await read();
    // Absence proves nothing unless the pool is still there.
    if (again === undefined) await this.#storage.assertSame();
    return again;
  }

  async writeRecord(kind: ObjectKind, id: string, text: string): Promise<void> {
    const path = this.#layout.record(kind, id);
    await this.#storage.assertSame();
    try {
      await this.#files.mkdirDurable(this.#layout.place(kind, id), 0o700);
      await this.#files.writeDurable(path, text, { mode: 0o600 });
    } catch (error) {
      throw failure(error, `writing the record of ${kind} ${id}`);
    }
  }

  /** Precondition, with everything left as it was, when something is beside the record that is not ours to remove. */
  async removeRecord(kind: ObjectKind, id: string): Promise<void> {
    const place = this.#layout.place(kind, id);
    await this.#storage.assertSame();
    const entries = await unlessAbsent(readdir(place), `reading ${place}`);
    if (entries === undefined) return;
    const foreign = entries.find((entry) => !SMALL_FILES.includes(entry));
    if (foreign !== undefined)
      throw new ConvoyError(
        'Precondition',
        `the record of ${kind} ${id} cannot be removed while ${place} holds ${JSON.stringify(foreign.slice(0, 100))}: remove the data first`,
      );
    try {
      // The record last: as long as anything is left, the object can be found.
      for (const entry of entries.filter((name) => name !== RECORD)) await unlink(`${place}/${entry}`);
      if (entries.includes(RECORD)) await unlink(`${place}/${RECORD}`);
      await rmdir(place);
      await this.#files.syncDirectory(dirname(place));
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw failure(error, `removing the record of ${kind} ${id}`);
    }
  }

  async listRecords(kind: ObjectKind): Promise<readonly string[]> {
    const folder = this.#layout.folder(kind);
    try {
      const entries = await readdir(folder, { withFileTypes: true });
      // A list read while the disk went away would be too short.
      await this.#storage.assertSame();
      return entries.filter((entry) => isLocalId(entry.name, kind) && entry.isDirectory()).map((entry) => entry.name);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw failure(error, `reading ${folder}`);
      await this.#storage.assertSame();
      throw new ConvoyError('DataLoss', `${folder} is missing from the pool: restore it, or check the file system`, { cause: error });
    }
  }
}
