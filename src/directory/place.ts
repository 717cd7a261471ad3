import { constants } from 'node:fs';
import { access, lstat, realpath } from 'node:fs/promises';
import { ConvoyError, fromErrno, invalid, isErrno } from '../convoy/errors.ts';
import type { System } from '../system/api.ts';
import { NO_ANSWER } from './failures.ts';
import { optionsOf } from './mount-options.ts';

export interface PlaceOptions {
  readonly path: string;
  readonly requireMount: boolean;
  /** Other hosts reach the directory too. */
  readonly isShared?: boolean;
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
  readonly #system: Pick<System, 'mounts' | 'files'>;
  readonly #requireMount: boolean;
  readonly #isShared: boolean;
  #identity: Identity | undefined;

  /** `key` names the option in error texts: `vfs.path`. Nothing is touched until `prove`. */
  constructor(system: Pick<System, 'mounts' | 'files'>, key: string, options: PlaceOptions) {
    this.#system = system;
    this.#key = key;
    this.path = options.path;
    this.#requireMount = options.requireMount;
    this.#isShared = options.isShared ?? false;
  }

  /** The whole check. Unavailable: not there, not a directory, not mounted, mounted unfitly, read-only, or another one than before. */
  async prove(): Promise<void> {
    await this.#assertAnswers();
    await this.#assertNoLinks();
    const found = await this.#stat();
    if (this.#requireMount && (await this.#system.mounts.find(this.path)) === undefined)
      throw unavailable(`${this.#key} is ${this.path}, where nothing is mounted, and requiremount is set: mount the disk`);
    if (this.#isShared) await this.#refuseMountOption(['nocto'], 'a host would go on seeing what another one has changed');
    await this.#assertWritable();
    if (this.#identity !== undefined && !isSame(found, this.#identity)) throw this.#changed();
    this.#identity = found;
  }

  /** One lstat, once proven. Unavailable if the directory is no longer the one that it was. */
  async assertSame(): Promise<Identity> {
    if (this.#identity === undefined) await this.prove();
    else await this.#assertAnswers();
    const found = await this.#stat();
    if (this.#identity === undefined || !isSame(found, this.#identity)) throw this.#changed();
    return found;
  }

  /** Unavailable where a lock would be this host's alone, so that two hosts would manage the pool. */
  async assertLockable(): Promise<void> {
    if (!this.#isShared) return;
    const why = 'locks would not reach other hosts, so that two of them could manage the pool';
    await this.#refuseMountOption(['nolock', 'local_lock=all', 'local_lock=flock'], why);
  }

  /**
   * Node does file work on four threads, and one that asks a dead server is lost for as long as it is dead. statfs has a deadline,
   * and shares its call: while that hangs, nothing else is asked.
   */
  async #assertAnswers(): Promise<void> {
    if (this.#isShared) await this.#reach(this.#system.files.stats(this.path));
  }

  async #refuseMountOption(refused: readonly string[], why: string): Promise<void> {
    const found = (await optionsOf(this.#system.mounts, this.path)).find((option) => refused.includes(option));
    if (found !== undefined)
      throw unavailable(`${this.#key} is ${this.path}, which is mounted with ${found}: ${why}; mount it without that option`);
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
      if (isErrno(error, 'EACCES', 'EPERM'))
        throw unavailable(
          `${this.#key} is ${this.path}, where root may not write: an NFS export needs no_root_squash for this host; elsewhere see the directory's mode`,
        );
      throw fromErrno(error, `opening ${this.path}`);
    }
  }

  async #reach<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR'))
        throw unavailable(`${this.#key} is ${this.path}, which does not exist: mount the disk, or make the directory`);
      if (isErrno(error, ...NO_ANSWER))
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
