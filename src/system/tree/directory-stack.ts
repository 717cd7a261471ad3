import { O_DIRECTORY, O_PATH } from '../constants.ts';
import { hasCode } from '../errno.ts';
import { closeFd, type FileState, stateOf } from '../libc.ts';
import { type Name, openBeneath, openDirectory, toText } from './directory.ts';

/** A directory of the walk stands no longer where it was entered. */
export class MovedError extends Error {
  constructor(path: string, options?: { cause: unknown }) {
    super(`${path} was moved or replaced during the walk`, options);
    this.name = 'MovedError';
  }
}

interface Level {
  readonly name: Name;
  /** Unknown for a directory that was never opened. */
  readonly identity: string | undefined;
  /** Undefined while closed: a deep tree has more levels than a process may have descriptors. */
  fd: number | undefined;
}

const MAX_OPEN = 64;
/** Levels opened again at once on the way up, so that a tree of depth n costs n²/32 name lookups and not n². */
const REOPEN = 32;
/** Below PATH_MAX, with room for one more name. */
const CHUNK_BYTES = 3_500;

/**
 * The directories from a walk's root down to where it is. Never goes up by `..`, which whoever moves directories
 * decides: levels above are kept open, or opened again from the root down and compared with what they were.
 */
export class DirectoryStack {
  readonly #levels: Level[];
  #open = 1;
  /** No level from 1 up to here is open. */
  #closedTo = 0;

  /** The root's descriptor stays the caller's to close. */
  constructor(rootFd: number) {
    this.#levels = [{ name: '', identity: undefined, fd: rootFd }];
  }

  /** 0 at the root. */
  get depth(): number {
    return this.#levels.length - 1;
  }

  /** Descriptor of the innermost directory, open for reading. Throws MovedError. */
  get fd(): number {
    return this.#levels.at(-1)?.fd ?? this.#reopen();
  }

  /** Goes down. Without a descriptor the directory is opened when it is first needed. */
  enter(name: Name, opened?: { readonly fd: number; readonly state: FileState }): void {
    this.#levels.push({ name, identity: opened === undefined ? undefined : identityOf(opened.state), fd: opened?.fd });
    if (opened !== undefined) this.#open++;
    this.#bound();
  }

  /** Goes up; the answer is the name of the directory that was left. */
  leave(): Name {
    if (this.depth === 0) throw new Error('the root of a walk cannot be left');
    const left = this.#levels.pop();
    this.#close(left);
    this.#closedTo = Math.min(this.#closedTo, this.depth);
    return left?.name ?? '';
  }

  /** Relative to the root, in bytes. */
  path(name?: Name): Name {
    return (name === undefined ? this.names() : [...this.names(), name]).join('/');
  }

  /** The names from below the root down to here. */
  names(): readonly Name[] {
    return this.#levels.slice(1).map((level) => level.name);
  }

  closeAll(): void {
    while (this.depth > 0) this.leave();
  }

  #close(level: Level | undefined): void {
    if (level?.fd === undefined) return;
    closeFd(level.fd);
    level.fd = undefined;
    this.#open--;
  }

  /** Closes the outermost levels; the root and the innermost stay. */
  #bound(): void {
    while (this.#open > MAX_OPEN && this.#closedTo < this.#levels.length - 2) this.#close(this.#levels[++this.#closedTo]);
  }

  #reopen(): number {
    const base = this.#levels.findLastIndex((level) => level.fd !== undefined);
    const first = Math.max(base + 1, this.#levels.length - REOPEN);
    try {
      const start = this.#jump(base, first);
      try {
        return this.#openLevels(start, first);
      } finally {
        if (start !== this.#levels[base]?.fd) closeFd(start);
      }
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV')) throw new MovedError(toText(this.path()), { cause: error });
      throw error;
    }
  }

  #openLevels(start: number, first: number): number {
    let parent = start;
    this.#closedTo = Math.min(this.#closedTo, first - 1);
    for (const level of this.#levels.slice(first)) {
      parent = openDirectory(parent, level.name);
      level.fd = parent;
      this.#open++;
      if (level.identity !== undefined && level.identity !== identityOf(stateOf(parent))) throw new MovedError(toText(this.path()));
    }
    this.#bound();
    return parent;
  }

  /** Descriptor of the level before `first`, reached from the open level `base` by as few lookups as paths may be long. */
  #jump(base: number, first: number): number {
    let fd = this.#levels[base]?.fd ?? -1;
    const start = fd;
    let path = '';
    const step = (): void => {
      if (path === '') return;
      const next = openBeneath(fd, path, O_PATH | O_DIRECTORY);
      if (fd !== start) closeFd(fd);
      fd = next;
      path = '';
    };
    try {
      for (const { name } of this.#levels.slice(base + 1, first)) {
        path = path === '' ? name : `${path}/${name}`;
        if (path.length > CHUNK_BYTES) step();
      }
      step();
    } catch (error) {
      if (fd !== start) closeFd(fd);
      throw error;
    }
    return fd;
  }
}

function identityOf({ devMajor, devMinor, ino }: FileState): string {
  return `${devMajor}:${devMinor}:${ino}`;
}
