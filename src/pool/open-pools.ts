import type { ConvoyDriver, DriverDeps, Operations } from '../convoy/contract.ts';
import { ConvoyError, invalid, isConvoyError } from '../convoy/errors.ts';
import { isPoolName, localId, parseId } from '../convoy/ids.ts';
import type { DriverRegistry } from '../convoy/registry.ts';
import type { Scope } from '../volume/contract.ts';
import type {
  CreateVolumeInput,
  Job,
  Page,
  PoolCapacity,
  PoolConfig,
  PoolStatus,
  Pools,
  Snapshot,
  TrashItem,
  UsesOf,
  Volume,
  Where,
} from './api.ts';
import { storageHealth, volumeHealth } from './health.ts';
import { letGoById } from './hold.ts';
import { heldBy, releaseHolder, unmark } from './holders.ts';
import { Jobs } from './jobs.ts';
import { KnownPools } from './known-pools.ts';
import { findByName, listSnapshots, listVolumeHealth, listVolumes } from './lists.ts';
import { Locks } from './locks.ts';
import { lockPublish, peekVolume, withVolume } from './open-volume.ts';
import { groupsOf, isSomewhere } from './outline.ts';
import { Places } from './places.ts';
import { managedElsewhere, Pool, type PoolEnv } from './pool.ts';
import { poolCapacity } from './promises.ts';
import { requireSnapshot, requireVolume } from './route.ts';
import { createSnapshot, deleteSnapshot, getSnapshot } from './snapshots.ts';
import { sweep } from './sweep.ts';
import { toSnapshot, toVolume } from './views.ts';
import { createVolume } from './volume-create.ts';
import { deleteVolume } from './volume-delete.ts';
import { expandVolume } from './volume-expand.ts';
import { checkWhere } from './where.ts';

export interface OpenPoolsOptions {
  readonly configs: readonly PoolConfig[];
  /** Pool of classes that name none; a single pool needs no naming. */
  readonly defaultPool?: string;
  readonly nodeName: string;
  /** Convoy's own state directory; exists. */
  readonly root: string;
  readonly registry: DriverRegistry;
  readonly deps: DriverDeps;
  /** What on this host uses a volume; asked before it is deleted. Undefined: nothing is published here. */
  readonly usesOf?: UsesOf;
  /** Pools that this process manages; from the others it only publishes. Default: all. */
  readonly manages?: (scope: Scope) => boolean;
  /** A node that was declared gone: what it holds of global volumes is released. Default: none. */
  readonly isReleased?: (node: string) => boolean;
  /** Why no pool may be opened just now. Default: no reason. */
  readonly waitsFor?: () => string | undefined;
  /** Told when a guest was opened: what this host holds of it can be seen now. */
  readonly guestOpened?: () => void;
  /** True while nothing may be removed that nobody asks for just now: no trash emptied, no left-over cleared. Default: never. */
  readonly holdsDeletes?: () => boolean;
  readonly decorate?: (pool: string, driver: ConvoyDriver) => ConvoyDriver;
}

/**
 * Reads the pools' configuration (wrong names, options, overlaps: InvalidArgument, so that a start fails fast) and opens what
 * can be opened. A pool whose storage is not there stays unavailable and is tried again on use; the others serve.
 */
export async function openPools(options: OpenPoolsOptions): Promise<Pools> {
  checkConfigs(options);
  const watchers = new Set<(job: Job) => void>();
  const pools: Pool[] = [];
  const guests: Pool[] = [];
  const config = (name: string): PoolConfig | undefined => options.configs.find((each) => each.name === name);
  const env: PoolEnv = {
    nodeName: options.nodeName,
    root: options.root,
    locks: new Locks(),
    jobs: new Jobs({
      maxJobs: (pool) => config(pool)?.maxJobs ?? 1,
      bandwidth: (pool) => config(pool)?.bandwidth,
      changed: (job) => {
        for (const watch of watchers) watch(job);
      },
    }),
    known: new KnownPools(options.root, options.deps.system.files),
    log: options.deps.log,
    usesOf: options.usesOf,
    holdsDeletes: options.holdsDeletes ?? (() => false),
    deps: options.deps,
    manages: options.manages ?? (() => true),
    isReleased: options.isReleased ?? (() => false),
    waitsFor: options.waitsFor ?? (() => undefined),
    pools,
    guests,
    places: new Places(),
    decorate: options.decorate ?? ((_pool, driver) => driver),
  };
  for (const each of options.configs) {
    const pool = new Pool(each, options.registry.get(each.driver), env, async (opened) =>
      opened.isGuest ? options.guestOpened?.() : sweep(env, opened),
    );
    await pool.init();
    (pool.isGuest ? guests : pools).push(pool);
  }
  for (const pool of [...pools, ...guests]) await claimPlace(env, pool);
  await Promise.all([...pools, ...guests].map((pool) => tryReady(pool)));
  return new PoolSet(env, options, watchers);
}

function checkConfigs({ configs, defaultPool, registry }: OpenPoolsOptions): void {
  if (configs.length === 0) throw invalid('pools is empty: configure at least one');
  const names = new Set<string>();
  for (const { name, driver } of configs) {
    if (!isPoolName(name))
      throw invalid(
        `pools: name ${JSON.stringify(name)} is not allowed: use a-z, 0-9 and -, begin with a letter, at most 20, not "global"`,
      );
    if (names.has(name)) throw invalid(`pools: name ${JSON.stringify(name)} stands twice`);
    names.add(name);
    registry.get(driver);
  }
  if (defaultPool !== undefined && !names.has(defaultPool))
    throw invalid(`defaultPool is ${JSON.stringify(defaultPool)}; configured are ${[...names].join(', ')}`);
}

async function claimPlace(env: PoolEnv, pool: Pool): Promise<void> {
  let place: string;
  try {
    place = await pool.operations.storage.place();
  } catch (error) {
    if (isConvoyError(error, 'Unavailable')) return;
    throw error;
  }
  env.places.claim(pool.name, place);
}

async function tryReady(pool: Pool): Promise<boolean> {
  try {
    await pool.ready();
    return true;
  } catch (error) {
    if (!isConvoyError(error, 'Unavailable')) throw error;
    return false;
  }
}

const NO_ROOM: PoolCapacity = { totalBytes: 0n, availableBytes: 0n, maximumVolumeBytes: 0n, minimumVolumeBytes: 0n };

class PoolSet implements Pools {
  readonly nodeName: string;
  readonly implemented: ReadonlySet<keyof Operations>;
  readonly hasTopology: boolean;
  readonly servesBlock: boolean;
  readonly #env: PoolEnv;
  readonly #all: readonly Pool[];
  readonly #defaultPool: string | undefined;
  readonly #watchers: Set<(job: Job) => void>;

  constructor(env: PoolEnv, options: OpenPoolsOptions, watchers: Set<(job: Job) => void>) {
    this.#env = env;
    this.nodeName = env.nodeName;
    this.#all = [...env.pools, ...env.guests];
    this.#defaultPool = options.defaultPool ?? (this.#all.length === 1 ? this.#all[0]?.name : undefined);
    this.#watchers = watchers;
    this.implemented = new Set(this.#all.flatMap((pool) => groupsOf(pool.operations)));
    this.hasTopology = this.#all.some(({ properties, config }) => isSomewhere({ scope: properties.scope, config }));
    this.servesBlock = this.#all.some((pool) => pool.properties.access === 'device');
  }

  status(): Promise<readonly PoolStatus[]> {
    return Promise.all(this.#all.map((pool) => this.#status(pool)));
  }

  states(): ReturnType<Pools['states']> {
    return this.#all.map(({ config, state }) => ({ config, state }));
  }

  async createVolume(input: CreateVolumeInput, call: Parameters<Pools['createVolume']>[1]): Promise<Volume> {
    return createVolume(this.#env, this.#poolFor(input), input, call);
  }

  deleteVolume: Pools['deleteVolume'] = async (id, options, call) => deleteVolume(this.#env, id, options, call);

  async getVolume(id: string): Promise<Volume> {
    return (await peekVolume(this.#env, id)).volume;
  }

  findVolume: Pools['findVolume'] = async (name, pool) => findByName(this.#env, localId('volume', name), pool);
  listVolumes: Pools['listVolumes'] = async (page) => listVolumes(this.#env, page);
  expandVolume: Pools['expandVolume'] = async (id, range, call) => expandVolume(this.#env, id, range, call);
  volumeHealth: Pools['volumeHealth'] = async (id) => volumeHealth(this.#env, id);
  listVolumeHealth: Pools['listVolumeHealth'] = async (page) => listVolumeHealth(this.#env, page);
  storageHealth: Pools['storageHealth'] = async () => storageHealth(this.#env);
  createSnapshot: Pools['createSnapshot'] = async (input, call) => createSnapshot(this.#env, input, call);
  deleteSnapshot: Pools['deleteSnapshot'] = async (id, call, options) => deleteSnapshot(this.#env, id, call, options);
  getSnapshot: Pools['getSnapshot'] = async (id) => getSnapshot(this.#env, id);
  listSnapshots: Pools['listSnapshots'] = async (filter, page): Promise<Page<Snapshot>> => listSnapshots(this.#env, filter, page);
  withVolume: Pools['withVolume'] = async (id, work) => withVolume(this.#env, id, work);
  peekVolume: Pools['peekVolume'] = async (id) => peekVolume(this.#env, id);
  letGo: Pools['letGo'] = async (id) => letGoById(this.#env, id);
  releaseHolder: Pools['releaseHolder'] = async (node) => releaseHolder(this.#env, node);
  held: Pools['held'] = async (node = this.nodeName) => heldBy(this.#env, node);
  lockPublish: Pools['lockPublish'] = (id) => lockPublish(this.#env, id);

  async capacity(request: Where & { readonly pool?: string }): Promise<PoolCapacity> {
    // The room of a default pool that another process manages is for that one to tell: then the others are meant.
    const byDefault = this.#env.pools.filter(({ name }) => name === this.#defaultPool);
    const asked = request.pool !== undefined ? [this.#pool(request.pool)] : byDefault.length > 0 ? byDefault : this.#env.pools;
    const answers = await Promise.all(asked.map((pool) => this.#capacityOf(pool, request)));
    if (answers.length === 0) return NO_ROOM;
    return answers.reduce((sum, each) => ({
      totalBytes: sum.totalBytes + each.totalBytes,
      availableBytes: sum.availableBytes + each.availableBytes,
      maximumVolumeBytes: each.maximumVolumeBytes > sum.maximumVolumeBytes ? each.maximumVolumeBytes : sum.maximumVolumeBytes,
      minimumVolumeBytes: each.minimumVolumeBytes < sum.minimumVolumeBytes ? each.minimumVolumeBytes : sum.minimumVolumeBytes,
    }));
  }

  jobs(): readonly Job[] {
    return this.#env.jobs.list();
  }

  watchJobs(signal: AbortSignal, changed: (job: Job) => void): void {
    if (signal.aborted) return;
    this.#watchers.add(changed);
    signal.addEventListener('abort', () => this.#watchers.delete(changed), { once: true });
  }

  async listTrash(pool?: string): Promise<readonly TrashItem[]> {
    const asked = pool === undefined ? this.#env.pools : [this.#pool(pool)];
    for (const each of asked) await each.ready();
    return asked.flatMap((each) => each.trash.items());
  }

  async undelete(poolName: string, entryName: string): Promise<Volume | Snapshot> {
    const pool = this.#pool(poolName);
    await pool.ready();
    const entry = pool.trash.find(entryName);
    if (entry === undefined)
      throw new ConvoyError(
        'NotFound',
        `pool ${poolName} has no trash entry ${JSON.stringify(entryName.slice(0, 128))}; "convoy volumes trash" lists them`,
      );
    using _lock = this.#env.locks.acquire({ exclusive: [`${entry.kind}/${entry.id}`], doing: 'it is being undeleted' });
    const other = this.#env.pools.find((each) => each !== pool && each.state.kind === 'open' && each.catalogue.has(entry.kind, entry.id));
    if (other !== undefined)
      throw new ConvoyError('AlreadyExists', `pool ${other.name} has a ${entry.kind} of this name by now: delete that one first`);
    const { kind, id } = await pool.trash.undiscard(entryName);
    // A damaged record keeps its place in the lists, as at start.
    pool.catalogue.set(kind, id, { sizeBytes: 0n, pending: false });
    if (kind === 'volume') {
      if (pool.operations.holders !== undefined) await unmark(pool, id);
      const record = await requireVolume(pool, id);
      pool.catalogue.set('volume', id, { sizeBytes: BigInt(record.size), pending: false });
      return toVolume(pool, record);
    }
    const record = await requireSnapshot(pool, id);
    pool.catalogue.set('snapshot', id, { sizeBytes: BigInt(record.size), pending: false, sourceVolumeId: record.sourceVolumeId });
    return toSnapshot(pool, record);
  }

  async initPool(name: string, how: 'init' | 'replace' | 'adopt'): Promise<PoolStatus> {
    const pool = this.#any(name);
    await pool.initialise(how);
    return this.#status(pool);
  }

  async takeUpHeld(): Promise<void> {
    for (const pool of this.#env.pools) {
      // What opens later is swept then.
      if (pool.state.kind !== 'open') continue;
      try {
        pool.trash.lookNow();
        await sweep(this.#env, pool);
      } catch (error) {
        // Lost in between: it is swept when it is opened again.
        if (!isConvoyError(error)) throw error;
      }
    }
  }

  async close(): Promise<void> {
    await this.#env.jobs.close();
    await Promise.all(this.#all.map((pool) => pool.close()));
  }

  /** One that this process manages. */
  #pool(name: string): Pool {
    const found = this.#any(name);
    if (found.isGuest) throw managedElsewhere(name);
    return found;
  }

  #any(name: string): Pool {
    const found = this.#all.find((pool) => pool.name === name);
    if (found !== undefined) return found;
    throw invalid(
      `pool ${JSON.stringify(name.slice(0, 64))} is not configured on node ${this.nodeName}; configured are ${this.#all.map((pool) => pool.name).join(', ')}`,
    );
  }

  /** The named pool; a copy goes where its data is; a retry finds its volume, whatever the default has become; else the default one. */
  #poolFor(input: CreateVolumeInput): Pool {
    if (input.pool !== undefined) return this.#pool(input.pool);
    const { source } = input;
    const parsed =
      source === undefined
        ? undefined
        : source.kind === 'snapshot'
          ? parseId(source.snapshotId, 'snapshot')
          : parseId(source.volumeId, 'volume');
    const holder = this.#env.pools.find((pool) => pool.name === parsed?.pool);
    if (holder !== undefined) return holder;
    const local = localId('volume', input.name);
    const found = this.#env.pools.find((pool) => pool.state.kind === 'open' && pool.catalogue.has('volume', local));
    if (found !== undefined) return found;
    if (this.#defaultPool === undefined)
      throw invalid(
        `parameter pool is required: configured are ${this.#env.pools.map((pool) => pool.name).join(', ')}, and none is the default`,
      );
    return this.#pool(this.#defaultPool);
  }

  async #capacityOf(pool: Pool, where: Where): Promise<PoolCapacity> {
    try {
      checkWhere(this.#env, pool, where);
    } catch (error) {
      if (!isConvoyError(error, 'NoSpace')) throw error;
      return NO_ROOM;
    }
    await pool.ready();
    return poolCapacity(pool);
  }

  async #status(pool: Pool): Promise<PoolStatus> {
    const isOpen = await tryReady(pool);
    const base = {
      config: pool.config,
      state: pool.state,
      isDefault: pool.name === this.#defaultPool,
      scope: pool.properties.scope,
      isGuest: pool.isGuest,
      properties: pool.properties,
      operations: groupsOf(pool.operations),
    };
    if (!isOpen) return base;
    if (pool.isGuest) return { ...base, info: await pool.driver.info() };
    return {
      ...base,
      info: await pool.driver.info(),
      volumes: pool.catalogue.count('volume'),
      snapshots: pool.catalogue.count('snapshot'),
      trashed: pool.trash.count,
      promisedBytes: pool.catalogue.promisedBytes,
      capacity: await poolCapacity(pool),
    };
  }
}
