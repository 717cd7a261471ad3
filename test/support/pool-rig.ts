import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Csi, callUntilDone } from './csi.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { atExit, loopsBackedBelow, mountsBelow, openScratchFs, releaseBelow, type ScratchFs, type ScratchFsType } from './scratch-fs.ts';
import { hashFile, hashTree } from './tree-hash.ts';
import { type CsiSnapshot, type CsiVolume, listSnapshots, listVolumes, type VolumeUser, volumeUser } from './volumes.ts';

export const SIZE = 32n << 20n;
const SETTLE_MS = 10_000;
const QUIET_MS = 200;

/** All that a client, the kernel and the disk show of a pool. Two runs of the same calls must show the same. */
export interface Fingerprint {
  readonly volumes: readonly string[];
  readonly snapshots: readonly string[];
  readonly mounts: readonly string[];
  readonly loops: readonly string[];
  /** Paths of the pool's own files. */
  readonly pool: readonly string[];
  /** Hash of what is in each volume and each snapshot. */
  readonly contents: Readonly<Record<string, string>>;
}

export interface PoolRigOptions {
  readonly fsBytes?: bigint;
  readonly thin?: boolean;
  /** What to run instead of src/main.ts. */
  readonly main?: string;
}

const directories = new Set<string>();
process.once('exit', () => {
  for (const directory of directories)
    atExit(() => {
      releaseBelow(directory);
      rmSync(directory, { recursive: true });
    });
});

/** One driver with one pool on one file system, and a daemon that can be killed and started again. */
export class PoolRig {
  readonly driver: string;
  readonly #fs: ScratchFs;
  readonly #options: PoolRigOptions;
  #directory = '';
  #pool = '';
  #empty: readonly string[] = [];
  #daemon: Daemon | undefined;
  #round = 0;
  /** Ids of volumes that are published as devices. */
  readonly blocks = new Set<string>();

  constructor(driver: string, fsType: ScratchFsType, options: PoolRigOptions = {}) {
    this.driver = driver;
    this.#options = options;
    this.#fs = openScratchFs(fsType, options.fsBytes ?? 4n << 30n);
  }

  get daemon(): Daemon {
    assert.ok(this.#daemon, 'the daemon is not running');
    return this.#daemon;
  }
  get csi(): Csi {
    return this.daemon.csi;
  }
  get user(): VolumeUser {
    return volumeUser(this.csi, this.useDirectory);
  }
  /** Where the pool is. */
  get poolDirectory(): string {
    return this.#pool;
  }
  get useDirectory(): string {
    return join(this.#directory, 'use');
  }

  /** An empty pool and a fresh root, whatever state the last one was in. */
  async reset(): Promise<void> {
    await this.close();
    this.#round += 1;
    this.#directory = mkdtempSync(join(tmpdir(), 'convoy-rig-'));
    directories.add(this.#directory);
    this.#pool = join(this.#fs.path, `pool-${this.#round}`);
    mkdirSync(this.#pool);
    mkdirSync(this.useDirectory);
    await this.start();
    this.#empty = listPool(this.#pool);
  }

  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const { thin = false, main } = this.#options;
    const pool = { name: 'pool', driver: this.driver, options: { [`${this.driver}.path`]: this.#pool }, thin };
    this.#daemon = await startDaemon({ directory: this.#directory, pools: [pool], env, ...(main === undefined ? {} : { main }) });
  }

  async stop(): Promise<void> {
    await this.#daemon?.stop();
    this.#daemon = undefined;
  }

  async kill(): Promise<void> {
    await this.#daemon?.kill();
    this.#daemon = undefined;
  }

  /** Ends the daemon and clears what a failed case left, so that the next one starts clean. */
  async close(): Promise<void> {
    for (const line of this.#daemon?.complaints() ?? []) process.stderr.write(`${line}\n`);
    await this.kill();
    this.blocks.clear();
    if (this.#directory === '') return;
    releaseBelow(this.#directory);
    releaseBelow(this.#pool);
    rmSync(this.#directory, { recursive: true });
    directories.delete(this.#directory);
    rmSync(this.#pool, { recursive: true });
    this.#directory = '';
  }

  /** Ends everything, the file system too. */
  async end(): Promise<void> {
    await this.close();
    this.#fs.close();
  }

  /**
   * Waits for work in the background (emptying the trash), by what the disk shows, then reads everything. Looking into a
   * volume mounts it, which leaves its traces: what is outside is read first.
   */
  async fingerprint(expected?: Fingerprint): Promise<Fingerprint> {
    if (expected !== undefined) await this.#untilPoolIs(expected.pool);
    const volumes = await listVolumes(this.csi);
    const snapshots = await listSnapshots(this.csi);
    const outside = this.#outside();
    return {
      ...outside,
      volumes: volumes.map(describeVolume).sort(),
      snapshots: snapshots.map(describeSnapshot).sort(),
      contents: Object.fromEntries([
        ...(await inOrder(volumes, async ({ volumeId }) => [volumeId, await this.#hashVolume(volumeId)] as const)),
        ...(await inOrder(
          snapshots,
          async ({ snapshotId, sourceVolumeId }) => [snapshotId, await this.#hashSnapshot(snapshotId, sourceVolumeId)] as const,
        )),
      ]),
    };
  }

  /** Volumes and snapshots as a client is told of them, in the words of the fingerprint. */
  async listed(): Promise<readonly string[]> {
    return [...(await listVolumes(this.csi)).map(describeVolume), ...(await listSnapshots(this.csi)).map(describeSnapshot)];
  }

  /** Takes everything down through CSI and proves that nothing is left. */
  async clear(): Promise<void> {
    for (const [directory, method] of [
      ['pods', 'NodeUnpublishVolume'],
      ['staging', 'NodeUnstageVolume'],
    ] as const) {
      for (const { path, volumeId } of this.#usedPaths(directory)) {
        await callUntilDone(this.csi, method, { volumeId, targetPath: path, stagingTargetPath: path });
        rmSync(path, { recursive: true, force: true });
      }
    }
    for (const { volumeId } of await listVolumes(this.csi)) await callUntilDone(this.csi, 'DeleteVolume', { volumeId });
    for (const { snapshotId } of await listSnapshots(this.csi)) await callUntilDone(this.csi, 'DeleteSnapshot', { snapshotId });
    this.blocks.clear();
    await this.#untilPoolIs(this.#empty);
    const { mounts, loops, pool } = this.#outside();
    assert.deepEqual({ mounts, loops, pool }, { mounts: [], loops: [], pool: this.#empty }, 'nothing is left after everything was deleted');
  }

  /** Waits until work in the background has ended, as far as the pool's files tell. */
  async untilQuiet(): Promise<void> {
    for (let last = ''; ; await pause(QUIET_MS)) {
      const now = JSON.stringify(listPool(this.#pool));
      if (now === last) return;
      last = now;
    }
  }

  /** Gives up once nothing has changed for a while: emptying a full trash may take long, but it never stands still. */
  async #untilPoolIs(expected: readonly string[]): Promise<void> {
    let last: readonly string[] = [];
    for (let end = performance.now() + SETTLE_MS; performance.now() < end; await pause(20)) {
      const now = listPool(this.#pool);
      if (sameList(now, expected)) return;
      if (!sameList(now, last)) end = performance.now() + SETTLE_MS;
      last = now;
    }
  }

  #outside(): Pick<Fingerprint, 'mounts' | 'loops' | 'pool'> {
    const options = new Map(
      readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .map((line) => [line.split(' ')[4], line.split(' ')[5]?.split(',')[0]]),
    );
    return {
      mounts: mountsBelow(this.useDirectory)
        .map((target) => `${relative(this.useDirectory, target)} ${options.get(target)}`)
        .sort(),
      loops: loopsBackedBelow(this.#pool)
        .map(({ backing }) => relative(this.#pool, backing))
        .sort(),
      pool: listPool(this.#pool),
    };
  }

  #usedPaths(directory: 'pods' | 'staging'): readonly { readonly path: string; readonly volumeId: string }[] {
    const root = join(this.useDirectory, directory);
    if (!existsSync(root)) return [];
    const parents = directory === 'pods' ? readdirSync(root).map((tag) => join(root, tag)) : [root];
    return parents.flatMap((parent) => readdirSync(parent).map((volumeId) => ({ path: join(parent, volumeId), volumeId })));
  }

  async #hashVolume(volumeId: string): Promise<string> {
    const block = this.blocks.has(volumeId);
    const hash = (path: string): string => (block ? hashFile(path) : hashTree(path));
    const standing = this.user.targetPath(volumeId);
    if (mountsBelow(standing).length > 0) return hash(standing);
    const staging = this.user.stagingPath(volumeId);
    const stood = existsSync(staging);
    // A block volume that is staged has no mount to tell by; its directory stands as long as it is staged.
    const unstage = block ? !stood : mountsBelow(staging).length === 0;
    const result = hash(await this.user.publish(volumeId, { tag: 'look', block }));
    await this.user.unpublish(volumeId, { tag: 'look', unstage });
    if (stood) mkdirSync(staging, { recursive: true });
    return result;
  }

  async #hashSnapshot(snapshotId: string, sourceVolumeId: string): Promise<string> {
    const block = this.blocks.has(sourceVolumeId);
    const { volumeId } = await this.user.create('look into a snapshot', { fromSnapshot: snapshotId, sizeBytes: SIZE, block });
    if (block) this.blocks.add(volumeId);
    const result = await this.#hashVolume(volumeId);
    await callUntilDone(this.csi, 'DeleteVolume', { volumeId });
    return result;
  }
}

const describeVolume = (volume: CsiVolume): string => `${volume.volumeId} ${volume.capacityBytes} ${JSON.stringify(volume.contentSource)}`;
const describeSnapshot = (snapshot: CsiSnapshot): string =>
  `${snapshot.snapshotId} ${snapshot.sourceVolumeId} ${snapshot.sizeBytes} ${snapshot.readyToUse}`;

const sameList = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((path, index) => path === other[index]);

/**
 * The pool's own files (`volumes/<id>/<name>`): what tenants put into a directory volume is compared by hash. The daemon
 * works on them meanwhile, so what vanishes under the walk is not there.
 */
function listPool(root: string, depth = 3): readonly string[] {
  const walk = (path: string, left: number): readonly string[] => {
    try {
      return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
        const below = join(path, entry.name);
        return [below, ...(entry.isDirectory() && left > 1 ? walk(below, left - 1) : [])];
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  };
  return [...walk('.', depth)].sort();
}

async function inOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
