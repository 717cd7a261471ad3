import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConvoyError, isErrno } from '../convoy/errors.ts';
import type { Files } from '../system/api.ts';

/** Which pools this node has opened and where; one small file each under `<root>/known`, outside the pools. */
export interface KnownPool {
  readonly pool: string;
  readonly uuid: string;
  readonly place: string;
}

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
      if (typeof known.uuid === 'string' && typeof known.place === 'string') return { pool, uuid: known.uuid, place: known.place };
    } catch {
      // falls through to the one message for all damage
    }
    throw new ConvoyError(
      'Unavailable',
      `${path} is damaged: it says which storage pool ${pool} is; check the storage, then remove the file`,
    );
  }

  async remember(known: KnownPool): Promise<void> {
    await this.#files.mkdirDurable(this.#directory, 0o700);
    await this.#files.writeDurable(this.#path(known.pool), `${JSON.stringify(known)}\n`);
  }

  #path(pool: string): string {
    return join(this.#directory, `${pool}.json`);
  }
}
