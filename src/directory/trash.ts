import { randomBytes } from 'node:crypto';
import { lstat, readdir, rename } from 'node:fs/promises';
import type { CallContext, TrashEntry, TrashOperations } from '../convoy/contract.ts';
import { ConvoyError, isErrno } from '../convoy/errors.ts';
import type { ObjectKind } from '../convoy/ids.ts';
import type { System } from '../system/api.ts';
import { copyCall, failure, refuseMountsBelow, unlessAbsent } from './failures.ts';
import { formatTrashName, type Layout, PURGED, parseTrashName, RECORD } from './layout.ts';
import { readText } from './read-text.ts';
import type { DirectoryStorage } from './storage.ts';

/** Deleting is one durable rename of the object's directory, record and all; getting it back is another. */
export class DirectoryTrash implements TrashOperations {
  readonly #system: System;
  readonly #layout: Layout;
  readonly #storage: DirectoryStorage;
  readonly #beforePurge: (dataPath: string) => Promise<void>;

  /** `beforePurge` is told the path of the data that is about to be destroyed, which may be absent. */
  constructor(system: System, layout: Layout, storage: DirectoryStorage, beforePurge: (dataPath: string) => Promise<void>) {
    this.#system = system;
    this.#layout = layout;
    this.#storage = storage;
    this.#beforePurge = beforePurge;
  }

  /** InUse when something is mounted below the object: its data would go with the volume's. */
  async discard(kind: ObjectKind, id: string): Promise<TrashEntry | undefined> {
    const place = this.#layout.place(kind, id);
    await this.#storage.assertSame();
    await refuseMountsBelow(this.#system.mounts, place, `deleting ${kind} ${id}`);
    const discardedAt = new Date();
    const entry = formatTrashName(kind, id, discardedAt, randomBytes(4).toString('hex'));
    try {
      await this.#system.files.renameDurable(place, this.#layout.trashEntry(entry));
      return { entry, kind, id, discardedAt };
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw failure(error, `moving ${kind} ${id} to the trash`);
      await this.#proveFolders(error);
      return undefined;
    }
  }

  async listTrash(): Promise<readonly TrashEntry[]> {
    try {
      const names = await readdir(this.#layout.trash());
      await this.#storage.assertSame();
      return names.sort().flatMap((entry) => {
        const parsed = parseTrashName(entry);
        return parsed === undefined ? [] : [{ entry, ...parsed }];
      });
    } catch (error) {
      throw failure(error, `reading ${this.#layout.trash()}`);
    }
  }

  async readTrashRecord(entry: TrashEntry): Promise<string | undefined> {
    const path = this.#layout.trashEntry(entry.entry);
    const what = `the record of trash entry ${entry.entry}`;
    return (await readText(`${path}/${RECORD}`, what)) ?? (await readText(`${path}/${PURGED}`, what));
  }

  /** Precondition once a purge has begun, whatever became of it: half of the data is no volume. */
  async undiscard(entry: TrashEntry): Promise<void> {
    const from = this.#layout.trashEntry(entry.entry);
    const parsed = parseTrashName(entry.entry);
    if (parsed === undefined || parsed.id !== entry.id)
      throw new ConvoyError('InvalidArgument', `trash entry ${entry.entry} does not hold ${entry.kind} ${entry.id}`);
    await this.#storage.assertSame();
    await this.#refusePurged(from, entry.entry);
    try {
      await this.#system.files.renameDurable(from, this.#layout.place(parsed.kind, parsed.id));
    } catch (error) {
      if (isErrno(error, 'EEXIST', 'ENOTEMPTY'))
        throw new ConvoyError('AlreadyExists', `${entry.kind} ${entry.id} exists again: delete or rename that one first`, { cause: error });
      if (isErrno(error, 'ENOENT')) throw new ConvoyError('NotFound', `trash entry ${entry.entry} does not exist`, { cause: error });
      throw failure(error, `taking ${entry.kind} ${entry.id} out of the trash`);
    }
  }

  async purge(entry: TrashEntry, call: CallContext): Promise<void> {
    const path = this.#layout.trashEntry(entry.entry);
    await this.#storage.assertSame();
    await refuseMountsBelow(this.#system.mounts, path, `destroying trash entry ${entry.entry}`);
    try {
      await this.#markPurged(path);
      await this.#beforePurge(`${path}/${this.#layout.dataName}`);
      await this.#system.trees.remove(path, copyCall(call));
    } catch (error) {
      if (isErrno(error, 'EXDEV'))
        throw new ConvoyError(
          'InUse',
          `trash entry ${entry.entry} has a mount below it at ${error.path ?? path}: unmount it, then try again`,
          { cause: error },
        );
      throw failure(error, `destroying trash entry ${entry.entry}`, call.signal);
    }
  }

  /** Durable before the first byte is lost. Needs no room on a full disk. */
  async #markPurged(path: string): Promise<void> {
    try {
      await rename(`${path}/${RECORD}`, `${path}/${PURGED}`);
      await this.#system.files.syncDirectory(path);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }

  async #refusePurged(path: string, entry: string): Promise<void> {
    const has = async (name: string): Promise<boolean> =>
      (await unlessAbsent(lstat(`${path}${name}`), `looking at trash entry ${entry}`)) !== undefined;
    if (!(await has('')) || (await has(`/${RECORD}`))) return;
    throw new ConvoyError('Precondition', `trash entry ${entry} is being removed for good: it cannot be brought back any more`);
  }

  /** ENOENT of a rename means an absent object only if the trash itself is there. */
  async #proveFolders(cause: unknown): Promise<void> {
    await this.#storage.assertSame();
    try {
      await readdir(this.#layout.trash());
    } catch (error) {
      throw new ConvoyError('DataLoss', `${this.#layout.trash()} is missing from the pool: restore it, or check the file system`, {
        cause: isErrno(error, 'ENOENT') ? cause : error,
      });
    }
  }
}
