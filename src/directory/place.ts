import { constants } from 'node:fs';
import { access, lstat, realpath } from 'node:fs/promises';
import { ConvoyError, fromErrno, invalid, isErrno } from '../convoy/errors.ts';
import type { Mounts } from '../system/api.ts';

export interface PlaceOptions {
  readonly path: string;
  readonly requireMount: boolean;
}
/** What makes a file or directory the same one: never its path. */
export interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
}
export const isSame = (one: Identity, other: Identity): boolean => one.dev === other.dev && one.ino === other.ino;

/**
 * The directory that a pool is configured at, as it was when the pool was opened. A disk that is unmounted, or mounted over
 * it, changes device and inode: everything on the pool is Unavailable from then on.
 */
export class Place {
  readonly path: string;
  readonly #key: string;
  readonly #mounts: Mounts;
  readonly #requireMount: boolean;
  #identity: Identity | undefined;

  /** `key` names the option in error texts: `vfs.path`. Nothing is touched until `prove`. */
  constructor(mounts: Mounts, key: string, options: PlaceOptions) {
    this.#mounts = mounts;
    this.#key = key;
    this.path = options.path;
    this.#requireMount = options.requireMount;
  }

  /** The whole check. Unavailable: not there, not a directory, not mounted, read-only, or another one than before. */
  async prove(): Promise<void> {
    await this.#assertNoLinks();
    const found = await this.#stat();
    if (this.#requireMount && (await this.#mounts.find(this.path)) === undefined)
      throw unavailable(`${this.#key} is ${this.path}, where nothing is mounted, and requiremount is set: mount the disk`);
    await this.#assertWritable();
    if (this.#identity !== undefined && !isSame(found, this.#identity)) throw this.#changed();
    this.#identity = found;
  }

  /** One lstat, once proven. Unavailable if the directory is no longer the one that it was. */
  async assertSame(): Promise<Identity> {
    if (this.#identity === undefined) await this.prove();
    const found = await this.#stat();
    if (this.#identity === undefined || !isSame(found, this.#identity)) throw this.#changed();
    return found;
  }

  async #assertNoLinks(): Promise<void> {
    const real = await this.#reach(realpath(this.path));
    if (real !== this.path)
      throw invalid(`${this.#key} is ${this.path}, which leads to ${real} through a symbolic link: configure ${real}`);
  }

  async #stat(): Promise<Identity> {
    const found = await this.#reach(lstat(this.path, { bigint: true }));
    if (!found.isDirectory()) throw unavailable(`${this.#key} is ${this.path}, which is not a directory`);
    return { dev: found.dev, ino: found.ino };
  }

  async #assertWritable(): Promise<void> {
    try {
      await access(this.path, constants.W_OK);
    } catch (error) {
      throw fromErrno(error, `opening ${this.path}`);
    }
  }

  async #reach<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR'))
        throw unavailable(`${this.#key} is ${this.path}, which does not exist: mount the disk, or make the directory`);
      if (isErrno(error, 'ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ETIMEDOUT'))
        throw unavailable(`${this.#key} is ${this.path}, which its server does not answer for (${error.code})`);
      throw fromErrno(error, `reaching ${this.path}`);
    }
  }

  #changed(): ConvoyError {
    return unavailable(
      `${this.path} is no longer the directory that the pool was opened at: a disk was mounted or unmounted there; put it back, or restart to open it again`,
    );
  }
}

const unavailable = (message: string): ConvoyError => new ConvoyError('Unavailable', message);
