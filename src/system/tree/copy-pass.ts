import { S_IFDIR, S_IFMT } from '../constants.ts';
import { codeError, hasCode, withPath } from '../errno.ts';
import { closeFd, type FileState, stateOf, withFd } from '../libc.ts';
import { copyAttributes } from './attributes.ts';
import type { Control } from './control.ts';
import { copyEntry, ensureDirectory, type FirstLink, keepLinked } from './copy-entry.ts';
import { DT_DIR, type Name, openDirectory, openEntry, readEntries, toBytes, toText } from './directory.ts';
import { DirectoryStack, MovedError } from './directory-stack.ts';
import type { EntryKey, EntryTable } from './entry-table.ts';
import { type Observation, observe, observeSettled } from './freshness.ts';
import { removeAt } from './remove.ts';

/** What all passes of one copy share. */
export interface CopyRun {
  readonly source: number;
  readonly target: number;
  readonly targetState: FileState;
  readonly control: Control;
  readonly table: EntryTable;
  /** First copy of each file with several names that this pass has seen, by device and inode. */
  readonly links: Map<string, FirstLink>;
  readonly sharing: { possible: boolean; shared: number; copied: number };
  entries: number;
  bytes: bigint;
  /** Waits for a fresh ctime to age; bounded, or a tenant could make each entry cost one. */
  waits: number;
}

/** The last pass met a change. */
export class UnstableError extends Error {
  readonly path: string;
  constructor(path: string) {
    super(`${path} changed during the last round`);
    this.name = 'UnstableError';
    this.path = path;
  }
}

interface Frame {
  readonly key: EntryKey;
  /** As the source directory was before its entries were listed. */
  readonly state: FileState;
  readonly changed: boolean;
  /** The copy was made in this pass, so nothing that earlier passes remember of the entries below holds. */
  readonly made: boolean;
  /** Of a directory that changed since the pass before: what it holds now. */
  readonly names: Set<Name> | undefined;
  readonly directories: Name[];
  /** Entries of the copy were made or removed, which moved its times. */
  touched: boolean;
}

const MAX_WAITS = 40;

/** One walk through the source with the copy beside it. */
export class CopyPass {
  readonly #run: CopyRun;
  readonly #mode: { readonly first: boolean; readonly last: boolean; readonly proving: boolean };
  readonly #source: DirectoryStack;
  readonly #target: DirectoryStack;
  readonly #frames: Frame[] = [];
  #changes = 0;

  constructor(run: CopyRun, mode: { first: boolean; last: boolean; proving: boolean }) {
    this.#run = run;
    this.#mode = mode;
    this.#source = new DirectoryStack(run.source);
    this.#target = new DirectoryStack(run.target);
    run.links.clear();
  }

  /** The number of entries that were not as the pass before had read them. */
  walk(): number {
    try {
      this.#open(this.#run.table.rootKey(), this.#settle(this.#run.source), false);
      while (this.#frames.length > 0) this.#step();
      return this.#changes;
    } catch (error) {
      throw withPath(error, toText(this.#source.path()) || '.');
    } finally {
      this.#source.closeAll();
      this.#target.closeAll();
    }
  }

  #step(): void {
    const frame = this.#frames.at(-1);
    const next = frame?.directories.pop();
    try {
      if (next !== undefined) this.#descend(next);
      else this.#finish();
    } catch (error) {
      if (!(error instanceof MovedError)) throw error;
      // A level above was moved away: what is left of this one is for the next pass to find.
      this.#noteChange();
      this.#abandon();
    }
  }

  #descend(name: Name): void {
    const fd = this.#tryOpen(name, openDirectory);
    if (fd === undefined) return;
    const key = this.#keyOf(name);
    let entered: { readonly seen: Observation; readonly made: boolean };
    try {
      const seen = this.#settle(fd);
      this.#refuseTarget(seen.state, name);
      entered = { seen, made: !this.#isKnown(key, seen.state) && ensureDirectory(this.#targetFd(), name, this.#run.control) };
    } catch (error) {
      closeFd(fd);
      throw error;
    }
    if (entered.made) this.#touch();
    this.#source.enter(name, { fd, state: entered.seen.state });
    this.#target.enter(name);
    this.#open(key, entered.seen, entered.made);
  }

  /** Lists a directory that both stacks stand in, and copies what is no directory. */
  #open(key: EntryKey, seen: Observation, made: boolean): void {
    const { state } = seen;
    const changed = !this.#isKnown(key, state);
    if (changed && !this.#mode.first) this.#noteChange();
    const frame: Frame = {
      key,
      state,
      changed,
      made,
      names: changed && !this.#mode.first ? new Set() : undefined,
      directories: [],
      touched: false,
    };
    this.#frames.push(frame);
    if (changed) this.#remember(key, seen);
    this.#count(0n);
    for (const { name, type } of readEntries(this.#source.fd)) {
      frame.names?.add(name);
      if (type === DT_DIR) frame.directories.push(name);
      else this.#visit(frame, name);
    }
  }

  #visit(frame: Frame, name: Name): void {
    const fd = this.#tryOpen(name, openEntry);
    if (fd === undefined) return;
    withFd(fd, () => {
      const state = stateOf(fd);
      if ((state.mode & S_IFMT) === S_IFDIR) {
        frame.directories.push(name);
        return;
      }
      const key = this.#keyOf(name);
      if (!this.#mode.first && this.#isKnown(key, state)) {
        const seen = { state, trusted: true };
        if (state.nlink > 1 && keepLinked(this.#run, this.#target, { name, fd, seen, replace: true })) frame.touched = true;
        this.#run.control.check();
        return;
      }
      this.#copy({ frame, name, key, fd });
    });
  }

  #copy({ frame, name, key, fd }: { frame: Frame; name: Name; key: EntryKey; fd: number }): void {
    if (!this.#mode.first) this.#noteChange(name);
    const seen = this.#settle(fd);
    frame.touched = true;
    // In the first pass too a name can come twice, if it is made anew while its directory is being listed.
    const replace = !this.#mode.first || this.#run.table.get(key) !== undefined;
    try {
      this.#targetFd();
      const { recorded, bytes } = copyEntry(this.#run, this.#target, { name, fd, seen, replace });
      this.#remember(key, recorded);
      this.#count(bytes);
    } catch (error) {
      throw withPath(error, toText(this.#source.path(name)));
    }
  }

  /** Everything below is done: what is too much goes, then attributes and times, which nothing moves any more. */
  #finish(): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    if (frame.names !== undefined) this.#removeExtras(frame.key, frame.names);
    if (frame.changed || frame.touched || this.#mode.first) copyAttributes(this.#source.fd, this.#targetFd(), frame.state);
    this.#leave();
  }

  /** Left before it was done: the next pass has to look at it whatever its state says. */
  #abandon(): void {
    const frame = this.#frames.at(-1);
    if (frame !== undefined) this.#forget(frame.key);
    this.#leave();
  }

  #leave(): void {
    this.#frames.pop();
    if (this.#frames.length === 0) return;
    this.#source.leave();
    this.#target.leave();
  }

  #removeExtras(directory: EntryKey, names: ReadonlySet<Name>): void {
    const target = this.#targetFd();
    const extras = [...readEntries(target)].filter(({ name }) => !names.has(name));
    for (const { name } of extras) {
      removeAt(target, name, this.#run.control, () => toText(this.#target.path(name)));
      this.#forget(this.#run.table.keyOf(directory, toBytes(name)));
    }
  }

  /** Undefined: the entry is gone, or became something else, since it was listed. Only the next pass can say more. */
  #tryOpen(name: Name, open: (fd: number, name: Name) => number): number | undefined {
    try {
      return open(this.#source.fd, name);
    } catch (error) {
      const path = toText(this.#source.path(name));
      if (hasCode(error, 'EXDEV')) throw codeError('EXDEV', 'openat2', path, 'something is mounted there; unmount it first');
      if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw withPath(error, path);
      this.#noteChange(name);
      return undefined;
    }
  }

  /** True if the copy made by an earlier pass still stands for this entry. */
  #isKnown(key: EntryKey, state: FileState): boolean {
    if (this.#frames.at(-1)?.made === true) return false;
    const known = this.#run.table.get(key);
    return known?.trusted === true && known.digest === this.#run.table.digestOf(state);
  }

  #remember(key: EntryKey, { state, trusted }: Observation): void {
    this.#run.table.set(key, { digest: this.#run.table.digestOf(state), trusted });
  }

  #forget(key: EntryKey): void {
    this.#run.table.set(key, { digest: 0n, trusted: false });
  }

  /** Nobody else may touch the copy; if somebody does, that is an error and not a change of the source. */
  #targetFd(): number {
    try {
      return this.#target.fd;
    } catch (error) {
      if (error instanceof MovedError)
        throw codeError('ESTALE', 'copy', toText(this.#target.path()), 'the copy was changed by somebody else while it was made');
      throw error;
    }
  }

  #settle(fd: number): Observation {
    if (!this.#mode.proving || this.#run.waits >= MAX_WAITS) return observe(fd);
    const seen = observe(fd);
    if (seen.trusted) return seen;
    this.#run.waits++;
    return observeSettled(fd, this.#run.control);
  }

  #noteChange(name?: Name): void {
    this.#changes++;
    if (this.#mode.last) throw new UnstableError(toText(this.#source.path(name)) || '.');
  }

  #touch(): void {
    const frame = this.#frames.at(-1);
    if (frame !== undefined) frame.touched = true;
  }

  #count(bytes: bigint): void {
    this.#run.control.add(this.#mode.first ? 1 : 0, 0);
    if (!this.#mode.first) return;
    this.#run.entries++;
    this.#run.bytes += bytes;
  }

  #keyOf(name: Name): EntryKey {
    const parent = this.#frames.at(-1)?.key ?? this.#run.table.rootKey();
    return this.#run.table.keyOf(parent, toBytes(name));
  }

  #refuseTarget(state: FileState, name: Name): void {
    const { ino, devMajor, devMinor } = this.#run.targetState;
    if (state.ino === ino && state.devMajor === devMajor && state.devMinor === devMinor)
      throw codeError('EINVAL', 'copy', toText(this.#source.path(name)), 'the copy would be made inside what is copied');
  }
}
