import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HolderOperations } from '../convoy/contract.ts';
import { ConvoyError, isConvoyError, isErrno } from '../convoy/errors.ts';
import { formatId, localId, nodeKey } from '../convoy/ids.ts';
import type { Call, CreateVolumeInput, PoolStatus, Pools, Snapshot, Volume } from '../pool/api.ts';
import type { AccessMode, NodeService, VolumeCapability } from '../publish/api.ts';
import { ConformanceError } from './check.ts';
import type { DestructiveRig, Rig } from './rig.ts';

const MIB = 1n << 20n;
/** A file system of this size holds what the cases write, and twelve of them stay within the doctor's 256 MiB. */
const SMALL = 16n * MIB;
const PATIENCE_MS = 60_000;
const PAUSE_MS = 10;

/** The rig as one case has it: names of its own, and everything that it made is removed afterwards. */
export class CaseRig {
  readonly status: PoolStatus;
  readonly #rig: Rig;
  readonly #prefix: string;
  readonly #volumes = new Set<string>();
  readonly #snapshots = new Set<string>();
  /** Of other nodes: by name of the volume, then of the node. */
  readonly #holds = new Map<string, Set<string>>();
  #counter = 0;

  constructor(rig: Rig, status: PoolStatus, number: number) {
    this.#rig = rig;
    this.status = status;
    this.#prefix = `${rig.prefix}${number}-`;
  }

  get pools(): Pools {
    return this.#rig.pools;
  }
  get node(): NodeService {
    return this.#rig.node;
  }
  get poolName(): string {
    return this.#rig.poolName;
  }
  get destructive(): DestructiveRig {
    if (this.#rig.destructive === undefined)
      throw new ConformanceError('a case that is not marked destructive asked for destructive means');
    return this.#rig.destructive;
  }
  get isDestructive(): boolean {
    return this.#rig.destructive !== undefined;
  }
  get isDevice(): boolean {
    return this.status.properties?.access === 'device';
  }
  /** Bytes of a small volume of this pool. */
  get smallBytes(): bigint {
    const least = this.status.properties?.minSizeBytes ?? 0n;
    return least > SMALL ? least : SMALL;
  }

  call(): Call {
    return { signal: AbortSignal.timeout(PATIENCE_MS), secrets: {}, requestId: `conformance-${this.#prefix}` };
  }

  /** A name of this case's own. */
  name(suffix: string): string {
    return this.#prefix + suffix;
  }

  /** The id that the contract says belongs to a name. */
  volumeId(name: string): string {
    return formatId(this.poolName, this.#nodeKey(), localId('volume', name));
  }
  snapshotId(name: string): string {
    return formatId(this.poolName, this.#nodeKey(), localId('snapshot', name));
  }

  input(name: string, overrides: Partial<CreateVolumeInput> = {}): CreateVolumeInput {
    this.#volumes.add(name);
    return {
      name,
      pool: this.poolName,
      range: { requiredBytes: this.smallBytes },
      use: { mount: true, block: false },
      options: {},
      driverParameters: {},
      ...overrides,
    };
  }

  /** One call, with this very name. */
  createNamed(name: string, overrides: Partial<CreateVolumeInput> = {}): Promise<Volume> {
    return this.pools.createVolume(this.input(name, overrides), this.call());
  }

  /** Made for sure: Busy is tried again. */
  create(suffix: string, overrides: Partial<CreateVolumeInput> = {}): Promise<Volume> {
    return insist(() => this.createNamed(this.name(suffix), overrides));
  }

  snapshotNamed(name: string, sourceVolumeId: string): Promise<Snapshot> {
    this.#snapshots.add(name);
    return this.pools.createSnapshot({ name, sourceVolumeId }, this.call());
  }

  /** Cut for sure, and waited for until it is ready to use. */
  async snapshot(suffix: string, sourceVolumeId: string): Promise<Snapshot> {
    let snapshot = await insist(() => this.snapshotNamed(this.name(suffix), sourceVolumeId));
    await until(async () => {
      snapshot = await insist(() => this.pools.getSnapshot(snapshot.id));
      return snapshot.readyToUse;
    }, 'the snapshot becoming ready');
    return snapshot;
  }

  restore(suffix: string, snapshotId: string, overrides: Partial<CreateVolumeInput> = {}): Promise<Volume> {
    return this.create(suffix, { source: { kind: 'snapshot', snapshotId }, ...overrides });
  }

  async deleteVolume(id: string): Promise<void> {
    await insist(() => this.pools.deleteVolume(id, { purge: true }, this.call()));
  }

  async deleteSnapshot(id: string): Promise<void> {
    await insist(() => this.pools.deleteSnapshot(id, this.call(), { purge: true }));
  }

  /** A path below the scratch directory that is not there yet; its parent is. */
  async freshPath(kind: string): Promise<string> {
    this.#counter += 1;
    const parent = join(this.#rig.scratch, this.#prefix.replace(/[^A-Za-z0-9-]/g, '_'));
    await mkdir(parent, { recursive: true });
    return join(parent, `${kind}-${this.#counter}`);
  }

  async freshDirectory(kind: string): Promise<string> {
    const path = await this.freshPath(kind);
    await mkdir(path);
    return path;
  }

  /** The volume's files, mounted for the time of `work`. */
  async withFiles<T>(volumeId: string, work: (path: string) => Promise<T>): Promise<T> {
    const target = await this.freshDirectory('mount');
    const path = await insist(() => this.node.mount(volumeId, target, { readOnly: false }, this.call()));
    try {
      return await work(path);
    } finally {
      await insist(() => this.node.umount(volumeId, target, this.call()));
      await rmdir(target).catch(unlessGone);
    }
  }

  capability(mode: AccessMode = 'SINGLE_NODE_WRITER'): VolumeCapability {
    return { mode, access: { kind: 'mount', fsType: '', mountFlags: [], volumeMountGroup: '' } };
  }

  /** Stages and publishes; returns both paths. */
  async publish(
    volumeId: string,
    options: { mode?: AccessMode; readOnly?: boolean; staging?: string } = {},
  ): Promise<{ staging: string; target: string }> {
    const capability = this.capability(options.mode);
    const staging = options.staging ?? (await this.freshDirectory('staging'));
    const target = await this.freshPath('target');
    await insist(() => this.node.stage({ volumeId, stagingPath: staging, capability }, this.call()));
    await insist(() =>
      this.node.publish(
        { volumeId, stagingPath: staging, targetPath: target, capability, readOnly: options.readOnly ?? false },
        this.call(),
      ),
    );
    return { staging, target };
  }

  async unpublish(volumeId: string, { staging, target }: { staging?: string; target: string }): Promise<void> {
    await insist(() => this.node.unpublish(volumeId, target, this.call()));
    if (staging !== undefined) await insist(() => this.node.unstage(volumeId, staging, this.call()));
  }

  /** The driver's own notes of who holds volumes, as they are reached through one that exists. */
  async holders(name: string): Promise<HolderOperations> {
    const { driver } = await insist(() => this.pools.peekVolume(this.volumeId(name)));
    const { holders } = driver.operations;
    if (holders === undefined) throw new ConformanceError('a case that does not need holders asked for them');
    return holders;
  }

  /** As another node does. What a case leaves held is let go afterwards. */
  async hold(name: string, node: string): Promise<void> {
    const nodes = this.#holds.get(name) ?? new Set();
    this.#holds.set(name, nodes.add(node));
    await (await this.holders(name)).addHolder(localId('volume', name), node);
  }

  async letGo(name: string, node: string): Promise<void> {
    await (await this.holders(name)).removeHolder(localId('volume', name), node);
    this.#holds.get(name)?.delete(node);
  }

  /** Nothing of the pool is in the trash or at work any more. */
  async settle(): Promise<void> {
    await until(async () => {
      const working = this.pools.jobs().some((job) => job.pool === this.poolName && (job.state === 'running' || job.state === 'waiting'));
      return !working && (!this.isDestructive || (await this.pools.listTrash(this.poolName)).length === 0);
    }, 'trash and jobs of the pool coming to an end');
  }

  /** Removes all that the case made, however far it came. Says what cannot be removed. */
  async cleanUp(): Promise<void> {
    const volumes = [...this.#volumes].map((name) => this.volumeId(name));
    await this.#letGoAll();
    for (const id of volumes) await this.#withdraw(id);
    for (const name of this.#snapshots) await this.deleteSnapshot(this.snapshotId(name));
    for (const id of volumes) await this.deleteVolume(id);
    await this.#removeScratch();
    await this.settle();
  }

  async #withdraw(id: string): Promise<void> {
    const published = await this.node.published(id).catch((error: unknown) => {
      if (isConvoyError(error, 'NotFound')) return [];
      throw error;
    });
    for (const kind of ['published', 'mounted', 'staged'] as const)
      for (const { targetPath } of published.filter((found) => found.kind === kind)) {
        if (kind === 'published') await insist(() => this.node.unpublish(id, targetPath, this.call()));
        else if (kind === 'mounted') await insist(() => this.node.umount(id, targetPath, this.call()));
        else await insist(() => this.node.unstage(id, targetPath, this.call()));
      }
  }

  async #letGoAll(): Promise<void> {
    for (const [name, nodes] of this.#holds)
      for (const node of [...nodes])
        await this.letGo(name, node).catch((error: unknown) => {
          if (!isConvoyError(error, 'NotFound')) throw error;
        });
  }

  async #removeScratch(): Promise<void> {
    const parent = join(this.#rig.scratch, this.#prefix.replace(/[^A-Za-z0-9-]/g, '_'));
    try {
      // Only empty directories are ours; anything else shows that a mount was left.
      for (const entry of await readdir(parent)) await rmdir(join(parent, entry));
      await rmdir(parent);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }

  #nodeKey(): string {
    return this.status.scope === 'global' ? 'global' : nodeKey(this.pools.nodeName);
  }
}

/** The call again while it is Busy, as a sidecar does. */
export async function insist<T>(work: () => Promise<T>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ConvoyError) || error.code !== 'Busy' || Date.now() > end) throw error;
      await pause();
    }
  }
}

/** Waits until `met` says so. */
export async function until(met: () => Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await met())) {
    if (Date.now() > end) throw new ConformanceError(`waited in vain for ${what}`);
    await pause();
  }
}

function unlessGone(error: unknown): void {
  if (!isErrno(error, 'ENOENT')) throw error;
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
