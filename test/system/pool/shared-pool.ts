import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach } from 'node:test';
import { type Around, decorateDriver } from '../../../src/convoy/decorate.ts';
import { localId, nodeKey, parseId } from '../../../src/convoy/ids.ts';
import { DriverRegistry } from '../../../src/convoy/registry.ts';
import { registerAll } from '../../../src/drivers/all.ts';
import type { PoolConfig, Pools, Volume } from '../../../src/pool/api.ts';
import { openPools } from '../../../src/pool/open-pools.ts';
import { makeMounter } from '../../../src/publish/mounter.ts';
import { NodeVolumes } from '../../../src/publish/node-volumes.ts';
import { openNodeRecords } from '../../../src/publish/records.ts';
import type { System } from '../../../src/system/api.ts';
import { openSystem } from '../../../src/system/index.ts';
import { openScratchFs, releaseBelow, type ScratchFs } from '../../support/scratch-fs.ts';
import { mountCapability } from '../publish/scratch-pool.ts';
import { call, input, plainly } from './faulty-pools.ts';

const capability = mountCapability('', 'MULTI_NODE_MULTI_WRITER');

/** One directory that a controller manages and nodes publish from, each with a root of its own, all in this process. */
export class SharedPool {
  readonly #opened: Pools[] = [];
  #system: System | undefined;
  #disk: ScratchFs | undefined;
  #directory = '';
  #count = 0;

  /** For the body of a `describe`. */
  constructor() {
    before(() => {
      this.#system = openSystem();
      this.#disk = openScratchFs('ext4', 1024n << 20n);
      this.#directory = realpathSync(mkdtempSync(join(tmpdir(), 'convoy-shared-')));
    });
    after(async () => {
      await this.#system?.close();
      this.#disk?.close();
      rmSync(this.#directory, { recursive: true });
    });
    beforeEach(() => {
      this.#count += 1;
      mkdirSync(this.path);
      mkdirSync(this.hosts);
    });
    afterEach(async () => {
      releaseBelow(this.hosts);
      for (const pools of this.#opened.splice(0)) await pools.close();
    });
  }

  /** The pool's directory. */
  get path(): string {
    assert.ok(this.#disk);
    return join(this.#disk.path, `pool-${this.#count}`);
  }

  /** What the hosts have of their own. */
  get hosts(): string {
    return join(this.#directory, `hosts-${this.#count}`);
  }

  get system(): System {
    assert.ok(this.#system);
    return this.#system;
  }

  /** What is noted of holders, by its path below their folder. */
  notes(): readonly string[] {
    if (!readdirSync(this.path).includes('holders')) return [];
    return readdirSync(join(this.path, 'holders'), { recursive: true, encoding: 'utf8' }).sort();
  }

  async open(name: string, options: HostOptions): Promise<Pools> {
    const registry = new DriverRegistry();
    registerAll(registry);
    const root = join(this.hosts, name, 'root');
    mkdirSync(root, { recursive: true });
    const { config, around = plainly, ...more } = options;
    const pools = await openPools({
      configs: [{ ...DEFAULTS, options: { 'vfs.path': this.path, 'vfs.scope': 'global' }, ...config }],
      nodeName: name,
      root,
      registry,
      deps: { system: this.system, mounter: makeMounter(this.system), log: SILENT },
      decorate: (_pool, made) => decorateDriver(made, around),
      ...more,
    });
    this.#opened.push(pools);
    return pools;
  }

  /** As a controller has it: it publishes nothing. */
  manager(options: HostOptions = {}): Promise<Pools> {
    return this.open('controller', options);
  }

  /** As a node has it, after its sweep. */
  async guest(name: string, options: HostOptions = {}): Promise<Guest> {
    const pools = await this.open(name, { ...options, manages: (scope) => scope === 'local' });
    const guest = new Guest(this, name, pools);
    await guest.begin();
    return guest;
  }
}

export interface HostOptions extends Partial<Pick<Parameters<typeof openPools>[0], 'manages' | 'isReleased' | 'guestOpened' | 'usesOf'>> {
  readonly config?: Partial<PoolConfig>;
  /** About every call of the driver. */
  readonly around?: Around;
}

/** A node with the real publish layer. */
export class Guest {
  readonly pools: Pools;
  readonly warnings: string[] = [];
  readonly #shared: SharedPool;
  readonly #directory: string;
  #node: NodeVolumes | undefined;

  constructor(shared: SharedPool, name: string, pools: Pools) {
    this.#shared = shared;
    this.#directory = join(shared.hosts, name);
    this.pools = pools;
    for (const folder of ['staging', 'pods']) mkdirSync(join(this.#directory, folder), { recursive: true });
  }

  get node(): NodeVolumes {
    assert.ok(this.#node);
    return this.#node;
  }

  /** Where the node keeps what it was asked to do; lost with its disk. */
  get records(): string {
    return join(this.#directory, 'root', 'node', 'volumes');
  }

  async begin(): Promise<void> {
    const { system } = this.#shared;
    const log = { info: () => {}, warn: (_fields: unknown, message: string) => void this.warnings.push(message) };
    const records = await openNodeRecords(join(this.#directory, 'root'), log);
    const root = join(this.#directory, 'root');
    const protectedPaths = (): readonly string[] => [this.#shared.path];
    this.#node = new NodeVolumes({ system, pools: this.pools, mounter: makeMounter(system), records, log, root, protectedPaths });
    await this.#node.sweep();
  }

  async stage({ id }: Volume): Promise<void> {
    mkdirSync(this.staging(id), { recursive: true });
    await this.node.stage({ volumeId: id, stagingPath: this.staging(id), capability }, call);
  }

  async publish(volume: Volume): Promise<string> {
    await this.stage(volume);
    const [stagingPath, targetPath] = [this.staging(volume.id), this.target(volume.id)];
    await this.node.publish({ volumeId: volume.id, stagingPath, targetPath, capability, readOnly: false }, call);
    return targetPath;
  }

  async unpublish({ id }: Volume): Promise<void> {
    await this.node.unpublish(id, this.target(id), call);
    await this.node.unstage(id, this.staging(id), call);
  }

  /** As a power cut does, and a new disk, if `forgetting`. The node itself starts again with `begin`. */
  crash({ forgetting }: { readonly forgetting: boolean }): void {
    releaseBelow(this.#directory);
    if (forgetting) rmSync(this.records, { recursive: true, force: true });
  }

  staging(id: string): string {
    return join(this.#directory, 'staging', parseId(id, 'volume')?.local ?? 'none');
  }
  target(id: string): string {
    return join(this.#directory, 'pods', parseId(id, 'volume')?.local ?? 'none');
  }
}

/** Runs `first` once, right before or after the first call of that name. */
export function interleave(when: 'before' | 'after', name: string, first: () => Promise<unknown>): Around {
  let done = false;
  return async (called, work) => {
    const now = called === name && !done;
    if (now) done = true;
    if (now && when === 'before') await first();
    const result = await work();
    if (now && when === 'after') await first();
    return result;
  };
}

/** What `notes` answers when these nodes, and no others, hold the volume of that name, and it alone is held. */
export function noted(name: string, ...nodes: string[]): readonly string[] {
  const id = localId('volume', name);
  return nodes.length === 0 ? [] : [id, ...nodes.map((node) => join(id, nodeKey(node)))].sort();
}

export const shared = (name: string): ReturnType<typeof input> => input(name, { pool: 'shared' });

const SILENT = { info: () => {}, warn: () => {} };
const DEFAULTS = {
  name: 'shared',
  driver: 'vfs',
  init: 'auto',
  overcommit: 1,
  thin: false,
  onDelete: 'delete',
  trashRetentionMs: 3_600_000,
  maxJobs: 1,
  allowParameters: [],
} as const;
