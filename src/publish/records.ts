import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromErrno, isErrno } from '../convoy/errors.ts';
import type { PublishLog } from './deps.ts';
import type { NodeRecord, PlaceRecord } from './record-format.ts';
import { parseNodeRecord, withoutPlace, withPlace } from './record-format.ts';

/**
 * What this host was asked to do with each volume: one small file a volume. Written with temporary name and rename, but
 * without fsync: kill -9 keeps the page cache, and a power cut takes the mounts as well. So a record from before this
 * boot is only good for cleaning up, and the mount table beats any record. A damaged one counts as absent, with a warning.
 * A place is recorded before it is mounted (intent) and dropped after it was unmounted.
 */
export class NodeRecords {
  readonly #directory: string;
  readonly #bootId: string;
  readonly #log: PublishLog;
  readonly #cache = new Map<string, NodeRecord>();
  /** The last change of each volume's record: changes of one run one after the other, of several together. */
  readonly #changes = new Map<string, Promise<NodeRecord>>();

  constructor(directory: string, bootId: string, log: PublishLog) {
    this.#directory = directory;
    this.#bootId = bootId;
    this.#log = log;
  }

  /** Without I/O, once the volume was read. */
  cached(volumeId: string): NodeRecord | undefined {
    return this.#cache.get(volumeId);
  }

  /** Never fails for a bad record; a volume without one has no places. */
  async read(volumeId: string): Promise<NodeRecord> {
    const known = this.#cache.get(volumeId);
    if (known !== undefined) return known;
    const loaded = await this.#load(this.#path(volumeId));
    // A change that ran meanwhile knows better.
    const record = this.#cache.get(volumeId) ?? usable(loaded, volumeId);
    this.#remember(record);
    return record;
  }

  /** Adds or replaces the place of that path. NoSpace and the like: then nothing may be mounted. */
  async put(volumeId: string, place: PlaceRecord): Promise<void> {
    await this.#change(volumeId, (record) => withPlace(record, place), 'strict');
  }

  /** Drops the place of that path. A full disk must not stop an unpublish: failing to write is a warning, the mount table knows better. */
  async drop(volumeId: string, path: string): Promise<void> {
    await this.#change(volumeId, (record) => withoutPlace(record, path), 'lenient');
  }

  /** Notes whether devices of the volume are still to be released once its pool answers. */
  async setReleasePending(volumeId: string, pending: boolean): Promise<void> {
    const record = await this.read(volumeId);
    if ((record.releasePending ?? false) === pending) return;
    await this.#change(
      volumeId,
      ({ volumeId: id, places }) => ({ volumeId: id, places, ...(pending ? { releasePending: true } : {}) }),
      'lenient',
    );
  }

  /** Every volume that has a readable record. Removes temporary files that a killed process left. */
  async list(): Promise<readonly NodeRecord[]> {
    const names = await readdir(this.#directory).catch((error: unknown) => {
      if (isErrno(error, 'ENOENT')) return [];
      throw fromErrno(error, `listing ${this.#directory}`);
    });
    const records: NodeRecord[] = [];
    for (const name of names) {
      if (name.endsWith('.tmp') && !name.endsWith(`.${process.pid}.tmp`)) await unlink(join(this.#directory, name)).catch(() => {}); // another may have been faster
      if (!name.endsWith('.json')) continue;
      const loaded = await this.#load(join(this.#directory, name));
      if (loaded !== undefined && loaded !== 'damaged') records.push(await this.read(loaded.volumeId));
    }
    return records;
  }

  async #change(volumeId: string, change: (record: NodeRecord) => NodeRecord, how: 'strict' | 'lenient'): Promise<NodeRecord> {
    const before = this.#changes.get(volumeId) ?? Promise.resolve(undefined);
    const next = before.catch(() => undefined).then(async () => this.#apply(volumeId, change, how));
    this.#changes.set(volumeId, next);
    try {
      return await next;
    } finally {
      if (this.#changes.get(volumeId) === next) this.#changes.delete(volumeId);
    }
  }

  async #apply(volumeId: string, change: (record: NodeRecord) => NodeRecord, how: 'strict' | 'lenient'): Promise<NodeRecord> {
    const old = await this.read(volumeId);
    const changed = change(old);
    if (changed === old) return old;
    try {
      await this.#write(changed);
    } catch (error) {
      if (how === 'strict') throw fromErrno(error, `writing the node record of volume ${volumeId}`);
      this.#log.warn({ volume_id: volumeId, error: String(error) }, 'node record could not be written; the mount table will correct it');
    }
    this.#remember(changed);
    return changed;
  }

  async #write(record: NodeRecord): Promise<void> {
    const path = this.#path(record.volumeId);
    if (record.places.length === 0 && record.releasePending !== true) {
      await unlink(path).catch((error: unknown) => {
        if (!isErrno(error, 'ENOENT')) throw error;
      });
      return;
    }
    const text = JSON.stringify({
      version: 1,
      bootId: this.#bootId,
      volumeId: record.volumeId,
      places: record.places,
      releasePending: record.releasePending,
    });
    const temporary = `${path}.${process.pid}.tmp`;
    const options = { mode: 0o600 };
    await writeFile(temporary, text, options).catch(async (error: unknown) => {
      if (!isErrno(error, 'ENOENT')) throw error;
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await writeFile(temporary, text, options);
    });
    await rename(temporary, path);
  }

  /** Records without places are not kept: the number of volumes ever asked about has no bound. */
  #remember(record: NodeRecord): void {
    if (record.places.length === 0 && record.releasePending !== true) this.#cache.delete(record.volumeId);
    else this.#cache.set(record.volumeId, record);
  }

  async #load(path: string): Promise<NodeRecord | 'damaged' | undefined> {
    try {
      return parseNodeRecord(await readFile(path, 'utf8'), this.#bootId);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      this.#log.warn({ path, error: String(error) }, 'node record is damaged and counts as absent; the mount table decides');
      return 'damaged';
    }
  }

  /** The id is hostile text here (unpublish takes any): only its hash becomes a name. */
  #path(volumeId: string): string {
    return join(this.#directory, `${createHash('sha256').update(volumeId).digest('hex').slice(0, 32)}.json`);
  }
}

function usable(loaded: NodeRecord | 'damaged' | undefined, volumeId: string): NodeRecord {
  if (loaded === 'damaged') return { volumeId, places: [], damaged: true };
  return loaded?.volumeId === volumeId ? loaded : { volumeId, places: [] };
}

/** Opens the records below `<root>/node/volumes`. Makes nothing before there is something to write. */
export async function openNodeRecords(root: string, log: PublishLog): Promise<NodeRecords> {
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return new NodeRecords(join(root, 'node', 'volumes'), bootId, log);
}
