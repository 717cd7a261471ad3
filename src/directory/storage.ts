import { randomBytes } from 'node:crypto';
import { lstat, readdir, rename, unlink } from 'node:fs/promises';
import type { StorageOperations } from '../convoy/contract.ts';
import { ConvoyError, isErrno } from '../convoy/errors.ts';
import type { FileLock, Files } from '../system/api.ts';
import { failure, unlessAbsent } from './failures.ts';
import { FOLDERS, HOLDERS, type Layout, MARKER } from './layout.ts';
import { type Identity, isSame, type Place } from './place.ts';
import { readText } from './read-text.ts';

/** The pool's marker and its lock: proof that the directory is what the admin configured, and that we alone manage it. */
export class DirectoryStorage implements StorageOperations {
  readonly #files: Files;
  readonly #layout: Layout;
  readonly #place: Place;
  #sharesBlocks: boolean | undefined;
  #held: { readonly lock: FileLock; readonly marker: Identity } | undefined;

  constructor(files: Files, layout: Layout, place: Place) {
    this.#files = files;
    this.#layout = layout;
    this.#place = place;
  }

  async readMarker(): Promise<string | undefined> {
    await this.#place.prove();
    const text = await readText(this.#layout.marker(), 'the pool marker');
    await this.#place.assertSame();
    return text;
  }

  /** True if the file system can share blocks between files. Known to who manages the pool, once it is locked. */
  get sharesBlocks(): boolean | undefined {
    return this.#sharesBlocks;
  }

  /** What a killed `writeMarker` left (our folders, empty, and unfinished markers) does not count. */
  async isEmpty(): Promise<boolean> {
    await this.#place.prove();
    for (const entry of await this.#entries(this.#layout.root)) {
      if (entry === 'lost+found' || isUnfinishedMarker(entry)) continue;
      if (!([...FOLDERS, HOLDERS] as readonly string[]).includes(entry)) return false;
      const path = `${this.#layout.root}/${entry}`;
      if (!(await lstat(path)).isDirectory() || (await this.#entries(path)).length > 0) return false;
    }
    return true;
  }

  /** The folders first, the marker last: what has a marker is whole. With `replace`, a process that manages the old pool makes it Busy. */
  async writeMarker(text: string, replace: boolean): Promise<void> {
    await this.#place.prove();
    const present = (await this.#markerIdentity()) !== undefined;
    if (present && !replace) throw new ConvoyError('AlreadyExists', `${this.#layout.root} is a pool already: it has a marker (${MARKER})`);
    try {
      for (const folder of FOLDERS) await this.#files.mkdirDurable(`${this.#layout.root}/${folder}`, 0o700);
      await this.#putMarker(text, present);
    } catch (error) {
      throw failure(error, `making a pool in ${this.#layout.root}`);
    }
    await this.#findOutSharing();
  }

  /** Held by a file lock on the marker: given up by `release`, or by the kernel when the process ends. */
  async lock(): Promise<void> {
    await this.#place.assertLockable();
    await this.#place.assertSame();
    if (this.#held === undefined) this.#held = await this.#lockMarker();
    await this.assertSame();
    // Not before: finding out writes, and only who manages the pool may.
    await this.#findOutSharing();
  }

  async release(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    await held?.lock.release();
  }

  /** Two lstats. While we hold the lock, the marker must be the very file that we locked. */
  async assertSame(): Promise<void> {
    await this.#place.assertSame();
    const marker = await this.#markerIdentity();
    if (marker === undefined)
      throw new ConvoyError(
        'Unavailable',
        `${this.#layout.root} has no marker (${MARKER}): it is not the pool that it was; put the right disk back`,
      );
    if (this.#held !== undefined && !isSame(marker, this.#held.marker))
      throw new ConvoyError(
        'Unavailable',
        `the marker of ${this.#layout.root} was replaced by another process: restart to open the pool again`,
      );
  }

  async place(): Promise<string> {
    return this.#layout.root;
  }

  /** The lock goes over to the new marker before it takes its place, so that there is no instant at which another process gets it. */
  async #putMarker(text: string, present: boolean): Promise<void> {
    const next = `${this.#layout.marker()}.${randomBytes(6).toString('hex')}.new`;
    const mine = this.#held !== undefined;
    if (present) await this.lock();
    try {
      await this.#files.writeDurable(next, text, { mode: 0o600 });
      if (present) await this.#replaceMarker(next);
      else await this.#nameMarker(next);
    } catch (error) {
      await unlink(next).catch(() => undefined); // the first error is the one to tell
      throw error;
    } finally {
      if (present && !mine) await this.release();
    }
  }

  async #replaceMarker(next: string): Promise<void> {
    const lock = await this.#files.lock(next);
    const before = this.#held;
    try {
      const { dev, ino } = await lstat(next, { bigint: true });
      await rename(next, this.#layout.marker());
      this.#held = { lock, marker: { dev, ino } };
    } catch (error) {
      await lock.release();
      throw error;
    }
    await before?.lock.release();
    await this.#files.syncDirectory(this.#layout.root);
  }

  async #nameMarker(next: string): Promise<void> {
    try {
      await this.#files.renameDurable(next, this.#layout.marker());
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error;
      throw new ConvoyError('AlreadyExists', `${this.#layout.root} became a pool meanwhile: another process wrote its marker`, {
        cause: error,
      });
    }
  }

  async #lockMarker(): Promise<{ lock: FileLock; marker: Identity }> {
    const path = this.#layout.marker();
    let lock: FileLock;
    try {
      lock = await this.#files.lock(path);
    } catch (error) {
      if (isErrno(error, 'EWOULDBLOCK', 'EAGAIN'))
        throw new ConvoyError('Busy', `another convoy process manages the pool in ${this.#layout.root}: stop it, or wait for its end`, {
          cause: error,
        });
      if (isErrno(error, 'ENOENT'))
        throw new ConvoyError('Unavailable', `${this.#layout.root} has no marker (${MARKER}): it is no pool yet`, { cause: error });
      throw failure(error, `locking the marker of ${this.#layout.root}`);
    }
    const marker = await this.#markerIdentity();
    if (marker !== undefined) return { lock, marker };
    await lock.release();
    throw new ConvoyError('Unavailable', `the marker of ${this.#layout.root} was removed while it was being locked`);
  }

  async #markerIdentity(): Promise<Identity | undefined> {
    const found = await unlessAbsent(lstat(this.#layout.marker(), { bigint: true }), 'looking at the pool marker');
    if (found === undefined) return undefined;
    if (!found.isFile()) throw new ConvoyError('DataLoss', `${this.#layout.marker()} is not a regular file`);
    return { dev: found.dev, ino: found.ino };
  }

  async #findOutSharing(): Promise<void> {
    try {
      this.#sharesBlocks = await this.#files.canClone(this.#layout.root);
    } catch (error) {
      throw failure(error, `finding out whether ${this.#layout.root} can share blocks`);
    }
  }

  async #entries(path: string): Promise<string[]> {
    try {
      return await readdir(path);
    } catch (error) {
      throw failure(error, `reading ${path}`);
    }
  }
}

/** Also the temporary file of writing one. */
const isUnfinishedMarker = (entry: string): boolean => /^\.{1,2}convoy-pool\.json\.[0-9a-f]{12}\.new(\.tmp)?$/.test(entry);
