import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConvoyError, isConvoyError, isErrno } from '../convoy/errors.ts';
import type { Files } from '../system/api.ts';

/** Which pools this node has opened and where; one small file each under `<root>/known`, outside the pools. */
export interface KnownPool {
  readonly pool: string;
  readonly uuid: string;
  readonly place: string;
  /** Where it was before. */
  readonly earlier?: readonly string[];
}

/** True if this node has ever opened the pool at this place. */
export const wasAt = (known: KnownPool | undefined, place: string): boolean =>
  known !== undefined && (known.place === place || known.earlier?.includes(place) === true);

export class KnownPools {
  readonly #directory: string;
  readonly #files: Files;

  constructor(root: string, files: Files) {
    this.#directory = join(root, 'known');
    this.#files = files;
  }

  async find(pool: string): Promise<KnownPool | undefined> {
    const path = this.#path(pool);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
    try {
      const known = JSON.parse(text) as Partial<KnownPool>;
      const { uuid, place, earlier = [] } = known;
      if (typeof uuid === 'string' && typeof place === 'string' && Array.isArray(earlier)) return { pool, uuid, place, earlier };
    } catch {
      // falls through to the one message for all damage
    }
    throw new ConvoyError(
      'Unavailable',
      `${path} is damaged: it says which storage pool ${pool} is; check the storage, then remove the file`,
    );
  }

  /** Keeps the places that were known before: a disk may be missing there too. */
  async remember(known: KnownPool): Promise<void> {
    const before = await this.#findWhole(known.pool);
    const places = before === undefined ? [] : [...(before.earlier ?? []), before.place];
    const earlier = [...new Set(places)].filter((place) => place !== known.place);
    await this.#files.mkdirDurable(this.#directory, 0o700);
    await this.#files.writeDurable(this.#path(known.pool), `${JSON.stringify({ ...known, earlier })}\n`);
  }

  /** A damaged one is the admin's to replace, by opening the pool anew. */
  async #findWhole(pool: string): Promise<KnownPool | undefined> {
    try {
      return await this.find(pool);
    } catch (error) {
      if (isConvoyError(error, 'Unavailable')) return undefined;
      throw error;
    }
  }

  #path(pool: string): string {
    return join(this.#directory, `${pool}.json`);
  }
}
