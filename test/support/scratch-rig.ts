import { mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type DestructiveRig, Faults, type Rig } from '../../src/conformance/index.ts';
import { isErrno } from '../../src/convoy/errors.ts';
import type { DriverRegistry } from '../../src/convoy/registry.ts';
import type { PoolConfig, Pools } from '../../src/pool/api.ts';
import { openPools } from '../../src/pool/open-pools.ts';
import type { NodeService } from '../../src/publish/api.ts';
import { makeMounter } from '../../src/publish/mounter.ts';
import { NodeVolumes } from '../../src/publish/node-volumes.ts';
import { openNodeRecords } from '../../src/publish/records.ts';
import { makeUsesOf } from '../../src/publish/uses-of.ts';
import { openSystem, type System } from '../../src/system/index.ts';
import { inventory } from './inventory.ts';

export interface ScratchRigOptions {
  /** Knows the driver. */
  readonly registry: DriverRegistry;
  readonly driver: string;
  /** The driver's options; what they name must be on `fileSystem`. */
  readonly options: Readonly<Record<string, string>>;
  /** Root of a file system that holds the pool and nothing else. It is filled to the last block. */
  readonly fileSystem: string;
  /** An existing directory on another file system, for state and targets. */
  readonly directory: string;
  readonly config?: Partial<PoolConfig>;
  /** Binaries that the driver needs beyond the common ones, with their Debian packages. */
  readonly binaries?: Readonly<Record<string, string>>;
}

export interface ScratchRig extends Rig {
  readonly destructive: DestructiveRig;
  /** What was logged as a warning. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

const POOL = 'scratch';
const MIB = 1n << 20n;
const SMALLEST_FILL = 4096n;
const ROOM_AGAIN = 256n * MIB;

/** A pool of a driver on scratch storage, with everything that the destructive cases need. Needs root. */
export async function openScratchRig(options: ScratchRigOptions): Promise<ScratchRig> {
  const rig = new Scratch(options);
  for (const each of [rig.root, rig.scratch]) await mkdir(each, { recursive: true });
  await rig.open();
  await rig.warmUp();
  return rig;
}

class Scratch implements ScratchRig {
  readonly poolName = POOL;
  readonly prefix = 'case ';
  readonly root: string;
  readonly scratch: string;
  readonly warnings: string[] = [];
  readonly destructive: DestructiveRig;
  readonly #options: ScratchRigOptions;
  readonly #faults = new Faults();
  readonly #system: System;
  #opened: { readonly pools: Pools; readonly node: NodeService } | undefined;

  constructor(options: ScratchRigOptions) {
    this.#options = options;
    this.root = join(options.directory, 'root');
    this.scratch = join(options.directory, 'targets');
    this.#system = openSystem(options.binaries === undefined ? {} : { binaries: options.binaries });
    this.destructive = {
      faults: this.#faults,
      reopen: (how = {}) => this.#reopen(how.killed ?? false),
      inventory: () => inventory(this.#system, [options.fileSystem, this.root], this.scratch),
      fill: () => this.#fill(),
      mountAt: (directory) => this.#mountAt(directory),
    };
  }

  get pools(): Pools {
    return this.#need().pools;
  }

  get node(): NodeService {
    return this.#need().node;
  }

  async open(): Promise<void> {
    const { registry, driver, options, config } = this.#options;
    const system = this.#faults.guardSystem(this.#system);
    const log = {
      info: () => {},
      warn: (fields: unknown, message: string) => void this.warnings.push(`${message} ${JSON.stringify(fields)}`),
    };
    const mounter = makeMounter(system);
    const records = await openNodeRecords(this.root, log);
    const pools = await openPools({
      configs: [{ ...DEFAULTS, name: POOL, driver, options, ...config }],
      nodeName: 'scratch-node',
      root: this.root,
      registry,
      deps: { system, mounter, log },
      usesOf: makeUsesOf({ system, records, log }),
      decorate: (_pool, opened) => this.#faults.guardDriver(opened),
    });
    const protectedPaths = (): readonly string[] => [this.#options.fileSystem];
    const node = new NodeVolumes({ system, pools, mounter, records, log, root: this.root, protectedPaths });
    await node.sweep();
    this.#opened = { pools, node };
  }

  /** Makes the directories that come with the first use, so that they are no left-over of a case. */
  async warmUp(): Promise<void> {
    const call = { signal: AbortSignal.timeout(60_000), secrets: {}, requestId: 'warm-up' };
    const [status] = await this.pools.status();
    const least = status?.properties?.minSizeBytes ?? 0n;
    const requiredBytes = least > 16n * MIB ? least : 16n * MIB;
    const input = { name: 'warm-up', range: { requiredBytes }, use: { mount: true, block: false }, options: {}, driverParameters: {} };
    const volume = await this.pools.createVolume(input, call);
    await this.node.mount(volume.id, undefined, { readOnly: false }, call);
    await this.node.umount(volume.id, undefined, call);
    await this.pools.deleteVolume(volume.id, {}, call);
    while ((await this.pools.listTrash(POOL)).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  async close(): Promise<void> {
    await this.#opened?.pools.close();
    this.#opened = undefined;
    await this.#system.close();
  }

  async #reopen(killed: boolean): Promise<void> {
    const { pools } = this.#need();
    this.#opened = undefined;
    if (killed) await this.#faults.bury();
    else await pools.close();
    this.#faults.nextLife();
    await this.open();
  }

  async #fill(): Promise<() => Promise<void>> {
    const made: string[] = [];
    const free = async (): Promise<void> => {
      for (const path of made) await unlink(path);
      // btrfs counts blocks as free only after its next commit.
      do await this.#system.mounts.syncfs(this.#options.fileSystem);
      while ((await this.#system.files.stats(this.#options.fileSystem)).availableBytes < ROOM_AGAIN);
    };
    let bytes = 1n << 40n;
    while (bytes >= SMALLEST_FILL) {
      const path = join(this.#options.fileSystem, `fill-${made.length}`);
      try {
        await this.#system.files.createImage(path, bytes, { thin: false });
        made.push(path);
      } catch (error) {
        if (!isErrno(error, 'ENOSPC', 'EFBIG')) {
          await free();
          throw error;
        }
        bytes /= 2n;
      }
    }
    return free;
  }

  async #mountAt(directory: string): Promise<() => Promise<void>> {
    await this.#system.mounts.mount({ source: 'tmpfs', target: directory, fsType: 'tmpfs', options: ['size=64k'] });
    return () => this.#system.mounts.unmount(directory);
  }

  #need(): { readonly pools: Pools; readonly node: NodeService } {
    if (this.#opened === undefined) throw new Error('the scratch rig is not open');
    return this.#opened;
  }
}

const DEFAULTS = {
  init: 'auto',
  overcommit: 1,
  thin: false,
  onDelete: 'delete',
  trashRetentionMs: 0,
  maxJobs: 4,
  allowParameters: [],
} as const;
