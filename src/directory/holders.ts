import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HolderOperations } from '../convoy/contract.ts';
import { ConvoyError, isErrno, notFound } from '../convoy/errors.ts';
import { type LocalVolumeId, nodeKey, parseLocalId } from '../convoy/ids.ts';
import type { Files } from '../system/api.ts';
import { failure, unlessAbsent } from './failures.ts';
import { HOLDERS, isNodeKey, type Layout, unfinished } from './layout.ts';
import { readText } from './read-text.ts';
import type { DirectoryStorage } from './storage.ts';

interface Note {
  readonly version: 1;
  readonly node: string;
  readonly since: string;
}
/** Each failure takes another node that removes the volume's folder in the same instant. */
const ADD_ATTEMPTS = 50;
/** What is listed and not found is gone this very moment, or believed absent a little longer (CIFS: a second). */
const LOOK_ATTEMPTS = 6;
const LOOK_AGAIN_MS = 200;
/** How many folders are read together. */
const BATCH = 64;

/**
 * Which nodes hold a volume of a pool that many hosts reach: for each a small file that it writes and removes itself. Nobody has
 * a lock there. What is no note of ours is left alone; a note that cannot be read is one all the same.
 */
export class DirectoryHolders implements HolderOperations {
  readonly #files: Files;
  readonly #layout: Layout;
  readonly #storage: DirectoryStorage;

  constructor(files: Files, layout: Layout, storage: DirectoryStorage) {
    this.#files = files;
    this.#layout = layout;
    this.#storage = storage;
  }

  /**
   * The volume is looked for before, so that nothing is written for one that is not there, and again after: who moves it away looks
   * for notes then, so that one of the two sees the other. NotFound then leaves the note to the caller.
   */
  async addHolder(id: LocalVolumeId, holder: string): Promise<void> {
    await this.#storage.assertSame();
    if (!(await isFolder(this.#layout.place('volume', id)))) await this.#assertListed(id);
    await this.#note(id, holder);
    await this.#assertListed(id);
  }

  async #note(id: LocalVolumeId, holder: string): Promise<void> {
    const path = this.#layout.holder(id, holder);
    for (let attempt = 1; ; attempt++) {
      try {
        for (const folder of [this.#layout.holders(), this.#layout.holdersOf(id)]) {
          await isFolder(folder); // says what stands there instead
          await this.#files.mkdirDurable(folder, 0o700);
        }
        if ((await holderBy(path)) === holder) await this.#files.syncDirectory(this.#layout.holdersOf(id));
        else await this.#files.writeDurable(path, encodeNote(holder), { mode: 0o600 });
        return;
      } catch (error) {
        // Another node has removed the folder, emptied by its own note's end, before ours was in it.
        if (!isErrno(error, 'ENOENT', 'ESTALE')) throw failure(error, `noting that node ${holder} holds volume ${id}`);
        await this.#storage.assertSame();
        if (attempt === ADD_ATTEMPTS)
          throw new ConvoyError('Busy', `other nodes keep taking and leaving volume ${id}: try again`, { cause: error });
      }
    }
  }

  async removeHolder(id: LocalVolumeId, holder: string): Promise<void> {
    const [folder, path] = [this.#layout.holdersOf(id), this.#layout.holder(id, holder)];
    await this.#storage.assertSame();
    if (!(await isFolder(this.#layout.holders())) || !(await isFolder(folder))) return;
    const doing = `noting that node ${holder} no longer holds volume ${id}`;
    for (const each of [`${folder}/${unfinished(basename(path))}`, path]) await unlessAbsent(unlink(each), doing);
    try {
      await this.#files.syncDirectory(folder);
      await rmdir(folder);
      await this.#files.syncDirectory(this.#layout.holders());
    } catch (error) {
      // Others hold it, or left it last.
      if (!isErrno(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST', 'ESTALE')) throw failure(error, doing);
    }
  }

  async holders(id: LocalVolumeId): Promise<readonly string[]> {
    for (let attempt = 0; attempt < LOOK_ATTEMPTS; attempt++) {
      if (attempt > 0) await sleep(attempt * LOOK_AGAIN_MS);
      const found = await this.#holdersOf(id);
      // Nobody there proves nothing unless the pool is.
      await this.#storage.assertSame();
      if (found !== undefined) return found;
    }
    throw new ConvoyError('Unavailable', `who holds volume ${id} cannot be told: what is listed in ${this.#layout.holders()} is not found`);
  }

  /** Also what was being noted when the host stopped. */
  async heldBy(holder: string): Promise<readonly LocalVolumeId[]> {
    const root = this.#layout.holders();
    const own = [nodeKey(holder), unfinished(nodeKey(holder))];
    await this.#storage.assertSame();
    if (!(await isFolder(root))) return [];
    const entries = (await unlessAbsent(readdir(root, { withFileTypes: true }), `reading ${root}`)) ?? [];
    const ids = entries.flatMap((entry) => (entry.isDirectory() ? (parseLocalId(entry.name, 'volume') ?? []) : []));
    const held: LocalVolumeId[] = [];
    for (let start = 0; start < ids.length; start += BATCH) {
      const batch = ids.slice(start, start + BATCH);
      const names = await Promise.all(batch.map(async (id) => (await listed(this.#layout.holdersOf(id))) ?? []));
      held.push(...batch.filter((_, index) => names[index]?.some((name) => own.includes(name))));
    }
    await this.#storage.assertSame();
    return held;
  }

  /** NotFound when the volume has no place. By the list: see below. */
  async #assertListed(id: LocalVolumeId): Promise<void> {
    const volumes = await listed(this.#layout.folder('volume'));
    await this.#storage.assertSame();
    if (volumes?.includes(id) !== true) throw notFound(`volume ${id}`);
  }

  /**
   * Undefined when something is listed and not found. Each level is listed, never asked for by name: a network file system would
   * answer from memory, for up to a minute, that a folder is absent which a node has made since, or there that was moved away.
   */
  async #holdersOf(id: LocalVolumeId): Promise<readonly string[] | undefined> {
    const [root, folder] = [this.#layout.holders(), this.#layout.holdersOf(id)];
    const levels = [
      [this.#layout.root, HOLDERS, root],
      [root, id, folder],
    ] as const;
    for (const [parent, name, path] of levels) {
      const names = await listed(parent);
      if (names?.includes(name) === false) return [];
      if (names === undefined || !(await isFolder(path))) return undefined;
    }
    const keys = (await listed(folder))?.filter(isNodeKey);
    const found = await Promise.all((keys ?? []).map((key) => holderBy(`${folder}/${key}`)));
    const nodes = found.flatMap((node) => node ?? []);
    return keys === undefined || nodes.length < keys.length ? undefined : nodes;
  }
}

const encodeNote = (node: string): string => `${JSON.stringify({ version: 1, node, since: new Date().toISOString() } satisfies Note)}\n`;

/** The node that a note names, if it is whole and stands under that node's key. */
function decodeNote(text: string, key: string): string | undefined {
  try {
    const { version, node } = JSON.parse(text) as Partial<Note>;
    return version === 1 && typeof node === 'string' && nodeKey(node) === key ? node : undefined;
  } catch {
    return undefined;
  }
}

/** Who left what is called like a note; undefined when it is gone. What cannot be read is never "nobody". */
async function holderBy(path: string): Promise<string | undefined> {
  const unknown = (why: string): string => `unknown by ${path} (${why})`;
  const foreign = 'it is no note of a node: remove it if no node uses the volume';
  try {
    const text = await readText(path, 'the note of a holder');
    return text === undefined ? undefined : (decodeNote(text, basename(path)) ?? unknown(foreign));
  } catch (error) {
    const { code, message } = failure(error, `reading ${path}`);
    return unknown(code === 'DataLoss' ? foreign : message);
  }
}

/** False if there is nothing. Nothing else than a directory is entered, least of all a link. */
async function isFolder(path: string): Promise<boolean> {
  const found = await unlessAbsent(lstat(path), `looking at ${path}`);
  if (found === undefined || found.isDirectory()) return found !== undefined;
  throw new ConvoyError('DataLoss', `${path} is not a directory: somebody replaced it; it is neither used nor followed`);
}

/** Undefined when it is gone. */
async function listed(folder: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESTALE')) return undefined;
    throw failure(error, `reading ${folder}`);
  }
}
