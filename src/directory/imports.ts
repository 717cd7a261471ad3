import type { BigIntStats } from 'node:fs';
import { lstat, readdir, unlink } from 'node:fs/promises';
import { ConvoyError, isErrno } from '../convoy/errors.ts';
import { step } from '../observe/steps.ts';
import type { System } from '../system/api.ts';
import type { DataShape, DirectoryContents } from './contents.ts';
import { failure, refuseMountsBelow, unlessAbsent } from './failures.ts';
import { ADOPTED_FROM, KEPT_AS, type Layout } from './layout.ts';
import type { Place } from './place.ts';
import { readText } from './read-text.ts';
import type { DirectoryStorage } from './storage.ts';

/** Names listed in an error text. */
const SHOWN = 20;

/**
 * The folder `import/`: what VolumeDriverID adopts and ReferenceOnly leaves. Data of an admin's, so it is moved by one
 * rename and never copied, and a create that is given up puts it back.
 */
export class DirectoryImports {
  readonly #system: System;
  readonly #layout: Layout;
  readonly #storage: DirectoryStorage;
  readonly #place: Place;
  readonly #contents: DirectoryContents;
  readonly #shape: DataShape;
  readonly #suffix: string;

  constructor(
    system: System,
    parts: { layout: Layout; storage: DirectoryStorage; place: Place; contents: DirectoryContents; shape: DataShape; suffix: string },
  ) {
    this.#system = system;
    this.#layout = parts.layout;
    this.#storage = parts.storage;
    this.#place = parts.place;
    this.#contents = parts.contents;
    this.#shape = parts.shape;
    this.#suffix = parts.suffix;
  }

  /**
   * Makes `import/<name>` the data of a volume. `prepare` may check and complete it where it stands. Data that the volume
   * has already is success. NotFound lists what could be adopted; Precondition for what is no safe `DataShape`.
   */
  async adopt(id: string, name: string, prepare: (path: string, stats: BigIntStats) => Promise<void>): Promise<void> {
    const path = this.#layout.imported(name);
    await this.#storage.assertSame();
    if ((await this.#contents.find('volume', id)) !== undefined) return;
    try {
      await prepare(path, await this.#assertAdoptable(path, name));
      await this.#system.files.mkdirDurable(this.#layout.place('volume', id), 0o700);
      await this.#system.files.writeDurable(this.#layout.note(id, ADOPTED_FROM), name, { mode: 0o600 });
      await this.#system.files.renameDurable(path, this.#layout.data('volume', id));
      step('data.named');
    } catch (error) {
      await this.#undo(id);
      throw failure(error, `adopting ${path}`);
    }
  }

  /** Moves a volume's data to `import/`, under its id, or a numbered one if that is taken; resolves to the name, again and again. */
  async release(id: string): Promise<string | undefined> {
    await this.#storage.assertSame();
    const noted = await this.#readNote(id, KEPT_AS);
    if ((await this.#contents.find('volume', id)) === undefined) return noted;
    return await this.#moveOut(id, noted);
  }

  /** What an adoption that never became a volume took goes back where it was. */
  async giveBack(id: string): Promise<void> {
    await this.#storage.assertSame();
    const origin = await this.#readNote(id, ADOPTED_FROM);
    if (origin !== undefined && (await this.#contents.find('volume', id)) !== undefined) await this.#moveOut(id, origin);
    for (const note of [KEPT_AS, ADOPTED_FROM] as const)
      await unlessAbsent(unlink(this.#layout.note(id, note)), `giving back the data of volume ${id}`);
  }

  async #undo(id: string): Promise<void> {
    try {
      await this.giveBack(id);
      await this.#contents.dropEmptyPlace('volume', id);
    } catch {
      // The failure that led here is the one to tell; a retry or a delete undoes the rest.
    }
  }

  async #moveOut(id: string, preferred: string | undefined): Promise<string> {
    await refuseMountsBelow(this.#system.mounts, this.#layout.place('volume', id), `releasing volume ${id}`);
    for (let number = preferred === undefined ? 1 : 0; ; number++) {
      const name = number === 0 && preferred !== undefined ? preferred : `${id}${number < 2 ? '' : `-${number}`}${this.#suffix}`;
      try {
        await this.#system.files.writeDurable(this.#layout.note(id, KEPT_AS), name, { mode: 0o600 });
        await this.#system.files.renameDurable(this.#layout.data('volume', id), this.#layout.imported(name));
        return name;
      } catch (error) {
        if (!isErrno(error, 'EEXIST', 'ENOTEMPTY')) throw failure(error, `keeping the data of volume ${id} in ${this.#layout.imports()}`);
      }
    }
  }

  async #assertAdoptable(path: string, name: string): Promise<BigIntStats> {
    const stats = await unlessAbsent(lstat(path, { bigint: true }), `looking at ${path}`);
    if (stats === undefined)
      throw new ConvoyError('NotFound', `VolumeDriverID is ${name}, but ${path} does not exist; ${await this.#whatIsThere()}`);
    if (this.#shape === 'directory' ? !stats.isDirectory() : !stats.isFile())
      throw new ConvoyError(
        'Precondition',
        `${path} cannot be adopted: it is not a ${this.#shape === 'directory' ? 'directory' : 'regular file'} (a link is not followed)`,
      );
    if (stats.dev !== (await this.#place.assertSame()).dev)
      throw new ConvoyError(
        'Precondition',
        `${path} cannot be adopted: it is on another file system (or subvolume) than the pool; copy it into ${this.#layout.imports()}`,
      );
    await refuseMountsBelow(this.#system.mounts, path, `adopting ${path}`);
    return stats;
  }

  async #whatIsThere(): Promise<string> {
    const names = ((await unlessAbsent(readdir(this.#layout.imports()), 'reading the import folder')) ?? []).sort();
    if (names.length === 0) return `${this.#layout.imports()} is empty: put the ${this.#shape} there first`;
    const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
    return `there are ${names
      .slice(0, SHOWN)
      .map((entry) => JSON.stringify(entry))
      .join(', ')}${more}`;
  }

  async #readNote(id: string, note: typeof ADOPTED_FROM | typeof KEPT_AS): Promise<string | undefined> {
    return await readText(this.#layout.note(id, note), `the note ${note} of volume ${id}`);
  }
}
