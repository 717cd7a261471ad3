import { constants, type Stats } from 'node:fs';
import { access } from 'node:fs/promises';
import type { CapacityOperations, HealthOperations, HealthProblem } from '../convoy/contract.ts';
import { ConvoyError, isErrno } from '../convoy/errors.ts';
import type { LocalVolumeId } from '../convoy/ids.ts';
import type { System } from '../system/api.ts';
import { type DataShape, DirectoryContents } from './contents.ts';
import { failure } from './failures.ts';
import { DirectoryHolders } from './holders.ts';
import { DirectoryImports } from './imports.ts';
import { Layout } from './layout.ts';
import type { DirectoryOptions } from './options.ts';
import { Place } from './place.ts';
import { DirectoryRecords } from './records.ts';
import { DirectoryStorage } from './storage.ts';
import { DirectoryTrash } from './trash.ts';

export interface DirectoryPoolOptions extends Pick<DirectoryOptions, 'path' | 'requireMount'> {
  /** Other hosts reach the directory too. */
  readonly isShared?: boolean;
  /** Name of the driver, whose `path` option the texts name. */
  readonly driver: string;
  readonly shape: DataShape;
  /** Told the path of data that is about to be destroyed. */
  readonly beforePurge?: (dataPath: string) => Promise<void>;
}

/** Below this share of free space thin images and directories are about to fail. */
const LOW_SPACE_PERCENT = 3n;

/** A pool whose storage is one directory of a file system: what its drivers share. */
export class DirectoryPool {
  readonly layout: Layout;
  readonly storage: DirectoryStorage;
  readonly records: DirectoryRecords;
  readonly trash: DirectoryTrash;
  readonly contents: DirectoryContents;
  readonly imports: DirectoryImports;
  /** For a shared directory. */
  readonly holders: DirectoryHolders;
  readonly #system: System;

  /** Touches nothing: the directory is proven when its marker is read. */
  constructor(system: System, options: DirectoryPoolOptions) {
    const shape = options.shape;
    const place = new Place(system, `${options.driver}.path`, options);
    const layout = new Layout(options.path, shape === 'directory' ? 'data' : 'image');
    this.layout = layout;
    this.storage = new DirectoryStorage(system.files, layout, place);
    this.records = new DirectoryRecords(system.files, layout, this.storage);
    this.trash = new DirectoryTrash(system, layout, this.storage, options.beforePurge ?? (async () => {}));
    this.contents = new DirectoryContents(system, layout, this.storage, this.records, shape);
    this.holders = new DirectoryHolders(system.files, layout, this.storage);
    this.imports = new DirectoryImports(system, {
      layout,
      storage: this.storage,
      place,
      contents: this.contents,
      shape,
      suffix: shape === 'file' ? '.img' : '',
    });
    this.#system = system;
  }

  /** True if copies are instant and take no room. Known to who manages the pool, once it is locked. */
  get sharesBlocks(): boolean {
    return this.storage.sharesBlocks ?? false;
  }

  readonly capacity: CapacityOperations = {
    capacity: async () => {
      const { totalBytes, availableBytes } = await this.#stats();
      return { totalBytes, availableBytes };
    },
  };

  /** `more` adds what only the driver can see; `stats` is absent when the data is. */
  health(more: (id: LocalVolumeId, stats: Stats | undefined) => Promise<readonly HealthProblem[]> = async () => []): HealthOperations {
    return {
      volumeHealth: async (id) => (await this.#unreachable()) ?? (await this.#dataHealth(id, more)),
      storageHealth: async () => (await this.#unreachable()) ?? (await this.#spaceHealth()),
    };
  }

  /** Gives up the lock on the pool. */
  async close(): Promise<void> {
    await this.storage.release();
  }

  async #unreachable(): Promise<HealthProblem[] | undefined> {
    try {
      await this.storage.assertSame();
      await access(this.layout.root, constants.W_OK);
      return undefined;
    } catch (error) {
      if (isErrno(error, 'EROFS'))
        return [
          {
            status: 'Degraded',
            reason: 'ReadOnlyFileSystem',
            message: `the file system at ${this.layout.root} is read-only: check the disk, then remount it read-write`,
          },
        ];
      return [{ status: 'Inaccessible', reason: 'PoolUnavailable', message: failure(error, `reaching ${this.layout.root}`).message }];
    }
  }

  async #dataHealth(
    id: LocalVolumeId,
    more: (id: LocalVolumeId, stats: Stats | undefined) => Promise<readonly HealthProblem[]>,
  ): Promise<readonly HealthProblem[]> {
    try {
      const { stats } = await this.contents.require('volume', id);
      return await more(id, stats);
    } catch (error) {
      if (!(error instanceof ConvoyError) || error.code === 'NotFound') throw error;
      if (error.code !== 'DataLoss') return [{ status: 'Inaccessible', reason: 'DataUnreadable', message: error.message }];
      return [{ status: 'DataLoss', reason: 'DataMissing', message: error.message }, ...(await more(id, undefined))];
    }
  }

  async #spaceHealth(): Promise<HealthProblem[]> {
    const { totalBytes, availableBytes } = await this.#stats();
    if (availableBytes * 100n >= totalBytes * LOW_SPACE_PERCENT) return [];
    return [
      {
        status: 'Degraded',
        reason: 'LowSpace',
        message: `${availableBytes} of ${totalBytes} bytes are free at ${this.layout.root}: free space or grow the file system`,
      },
    ];
  }

  async #stats(): Promise<{ totalBytes: bigint; availableBytes: bigint }> {
    await this.storage.assertSame();
    try {
      return await this.#system.files.stats(this.layout.root);
    } catch (error) {
      if (isErrno(error, 'ETIMEDOUT'))
        throw new ConvoyError('Unavailable', `the file system at ${this.layout.root} does not answer: check its server or disk`, {
          cause: error,
        });
      throw failure(error, `reading the size of ${this.layout.root}`);
    }
  }
}
