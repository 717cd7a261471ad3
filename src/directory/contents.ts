import type { Stats } from 'node:fs';
import { lstat, rmdir } from 'node:fs/promises';
import type { CallContext } from '../convoy/contract.ts';
import { ConvoyError, isErrno, notFound } from '../convoy/errors.ts';
import type { LocalIdOf, ObjectKind } from '../convoy/ids.ts';
import { parseLocalId } from '../convoy/ids.ts';
import { step } from '../observe/steps.ts';
import type { System } from '../system/api.ts';
import { copyCall, failure, refuseMountsBelow, unlessAbsent } from './failures.ts';
import type { Layout } from './layout.ts';
import type { DirectoryRecords } from './records.ts';
import type { DirectoryStorage } from './storage.ts';

/** Whether an object's bytes are a directory or one file. */
export type DataShape = 'directory' | 'file';

/** How many objects are looked at together in a list. */
const BATCH = 64;

/** The data of objects: filled under a hidden name, named when whole, hidden again before it is destroyed. */
export class DirectoryContents {
  readonly #system: System;
  readonly #layout: Layout;
  readonly #storage: DirectoryStorage;
  readonly #records: DirectoryRecords;
  readonly #shape: DataShape;

  constructor(system: System, layout: Layout, storage: DirectoryStorage, records: DirectoryRecords, shape: DataShape) {
    this.#system = system;
    this.#layout = layout;
    this.#storage = storage;
    this.#records = records;
    this.#shape = shape;
  }

  /** The data's own lstat; undefined if there is none. DataLoss when something else stands in its place: a link is never followed. */
  async find(kind: ObjectKind, id: string): Promise<Stats | undefined> {
    const path = this.#layout.data(kind, id);
    const found = await unlessAbsent(lstat(path), `looking at ${kind} ${id}`);
    if (found === undefined || (this.#shape === 'directory' ? found.isDirectory() : found.isFile())) return found;
    throw new ConvoyError(
      'DataLoss',
      `the data of ${kind} ${id} at ${path} is ${describe(found)}, not a ${this.#shape}: somebody replaced it; it is neither used nor followed`,
    );
  }

  /** Path and lstat of data that must be there. NotFound for an object that never was, DataLoss for one that has a record. */
  async require(kind: ObjectKind, id: string): Promise<{ readonly path: string; readonly stats: Stats }> {
    const path = this.#layout.data(kind, id);
    const stats = await this.find(kind, id);
    if (stats !== undefined) return { path, stats };
    await this.#storage.assertSame();
    if ((await this.#records.readRecord(kind, id)) === undefined) throw notFound(`${kind} ${id}`);
    throw new ConvoyError('DataLoss', `${kind} ${id} has a record but no data: ${path} is missing; restore it, or delete the ${kind}`);
  }

  /** Ids whose data is whole. What is damaged is not listed here; health tells of it. */
  async list<K extends ObjectKind>(kind: K): Promise<readonly LocalIdOf<K>[]> {
    const ids = (await this.#records.listRecords(kind)).flatMap((text) => parseLocalId(text, kind) ?? []);
    const whole: LocalIdOf<K>[] = [];
    for (let start = 0; start < ids.length; start += BATCH) {
      const batch = ids.slice(start, start + BATCH);
      const found = await Promise.all(batch.map(async (id) => await this.#isWhole(kind, id)));
      whole.push(...batch.filter((_, index) => found[index]));
    }
    return whole;
  }

  /**
   * Lets `make` put data at the path that it is given and names it when it is whole and durable (`make` sees to that).
   * Data that is there already is success. A failure leaves nothing; a cancelled call returns at once and leaves hidden
   * data, which the same call or a delete removes.
   */
  async fill(kind: ObjectKind, id: string, doing: string, call: CallContext, make: (path: string) => Promise<void>): Promise<void> {
    await this.#storage.assertSame();
    const partial = this.#layout.partial(kind, id);
    if ((await this.find(kind, id)) !== undefined) return await this.#remove(partial, call);
    try {
      call.signal.throwIfAborted();
      await this.#system.files.mkdirDurable(this.#layout.place(kind, id), 0o700);
      await this.#remove(partial, call);
      await make(partial);
      step('data.filled');
      await this.#system.files.renameDurable(partial, this.#layout.data(kind, id));
      step('data.named');
    } catch (error) {
      const failed = failure(error, doing, call.signal);
      if (failed.code !== 'Cancelled') await this.#clear(kind, id, partial);
      throw failed;
    }
  }

  /** Destroys data and hidden left-overs, hidden data first, so that half of it is never seen. Absent is fine. InUse under a mount. */
  async destroy(kind: ObjectKind, id: string, call: CallContext): Promise<void> {
    await this.#storage.assertSame();
    const [data, partial] = [this.#layout.data(kind, id), this.#layout.partial(kind, id)];
    try {
      await refuseMountsBelow(this.#system.mounts, this.#layout.place(kind, id), `deleting ${kind} ${id}`);
      await this.#remove(partial, call);
      if ((await unlessAbsent(lstat(data), `looking at ${kind} ${id}`)) !== undefined) {
        await this.#system.files.renameDurable(data, partial);
        await this.#remove(partial, call);
      }
      await this.dropEmptyPlace(kind, id);
    } catch (error) {
      if (isErrno(error, 'EXDEV'))
        throw new ConvoyError('InUse', `${kind} ${id} has a mount below it at ${error.path ?? data}: unmount it, then try again`, {
          cause: error,
        });
      throw failure(error, `deleting ${kind} ${id}`, call.signal);
    }
  }

  /** An object without record and data has no place either. */
  async dropEmptyPlace(kind: ObjectKind, id: string): Promise<void> {
    try {
      await rmdir(this.#layout.place(kind, id));
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw failure(error, `removing the place of ${kind} ${id}`);
    }
  }

  /** Looks first: a removal takes a thread of its own. */
  async #remove(path: string, call?: CallContext): Promise<void> {
    if ((await unlessAbsent(lstat(path), `looking at ${path}`)) === undefined) return;
    await this.#system.trees.remove(path, call === undefined ? {} : copyCall(call));
  }

  /** After a failure; not cancelled with the call. What cannot be removed now is removed by the next try or a delete. */
  async #clear(kind: ObjectKind, id: string, partial: string): Promise<void> {
    try {
      await this.#remove(partial);
      await this.dropEmptyPlace(kind, id);
    } catch {
      // The failure that led here is the one to tell.
    }
  }

  async #isWhole(kind: ObjectKind, id: string): Promise<boolean> {
    try {
      return (await this.find(kind, id)) !== undefined;
    } catch (error) {
      if (error instanceof ConvoyError && error.code === 'DataLoss') return false;
      throw error;
    }
  }
}

function describe(stats: Stats): string {
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isDirectory()) return 'a directory';
  return stats.isFile() ? 'a file' : 'a special file';
}
