import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach } from 'node:test';
import { type Around, decorateDriver } from '../../../src/convoy/decorate.ts';
import { ConvoyError, type ErrorCode, isConvoyError } from '../../../src/convoy/errors.ts';
import { localId } from '../../../src/convoy/ids.ts';
import { DriverRegistry } from '../../../src/convoy/registry.ts';
import { registerAll } from '../../../src/drivers/all.ts';
import type { Call, CreateVolumeInput, PoolConfig, Pools, VolumeSource } from '../../../src/pool/api.ts';
import { openPools } from '../../../src/pool/open-pools.ts';
import { makeMounter } from '../../../src/publish/mounter.ts';
import type { System } from '../../../src/system/api.ts';
import { openSystem } from '../../../src/system/index.ts';
import { openScratchFs, type ScratchFs } from '../../support/scratch-fs.ts';

export const MIB = 1n << 20n;
export const call: Call = { signal: new AbortController().signal, secrets: {}, requestId: 'test' };
/** The caller is gone before anything is done for it. */
export const gone: Call = { ...call, signal: AbortSignal.abort() };

export const failsWith =
  (code: ErrorCode, ...words: string[]) =>
  (error: unknown): boolean => {
    assert.ok(isConvoyError(error, code), `expected ${code}, got ${String(error)}`);
    for (const word of words)
      assert.ok(error.message.includes(word), `${JSON.stringify(error.message)} does not say ${JSON.stringify(word)}`);
    return true;
  };

export const input = (name: string, change: Partial<CreateVolumeInput> = {}): CreateVolumeInput => ({
  name,
  range: { requiredBytes: 10n * MIB },
  use: { mount: true, block: false },
  options: {},
  driverParameters: {},
  ...change,
});

/** Pools on a scratch file system, whose drivers' calls a test may fail, hold or follow. */
export class FaultyPools {
  /** About every call of every driver. */
  around: Around = plainly;
  readonly #opened: Pools[] = [];
  #system: System | undefined;
  #disk: ScratchFs | undefined;
  #root = '';

  /** For the body of a `describe`. */
  constructor() {
    before(() => {
      this.#system = openSystem();
      this.#disk = openScratchFs('ext4', 1024n * MIB);
    });
    after(async () => {
      await this.#system?.close();
      this.#disk?.close();
    });
    beforeEach(() => {
      this.#root = mkdtempSync(join(tmpdir(), 'convoy-root-'));
      this.around = plainly;
    });
    afterEach(async () => {
      for (const pools of this.#opened.splice(0)) await pools.close();
      rmSync(this.#root, { recursive: true, force: true });
      for (const entry of readdirSync(this.disk))
        if (entry !== 'lost+found') rmSync(join(this.disk, entry), { recursive: true, force: true });
    });
  }

  get disk(): string {
    assert.ok(this.#disk);
    return this.#disk.path;
  }

  async open(
    change: Partial<PoolConfig> = {},
    names: readonly string[] = ['p'],
    defaultPool?: string,
    holdsDeletes: () => boolean = () => false,
  ): Promise<Pools> {
    const registry = new DriverRegistry();
    registerAll(registry);
    assert.ok(this.#system);
    const pools = await openPools({
      configs: names.map((name) => this.#config(name, change)),
      ...(defaultPool === undefined ? {} : { defaultPool }),
      nodeName: 'node-1',
      root: this.#root,
      registry,
      deps: { system: this.#system, mounter: makeMounter(this.#system), log: { info: () => {}, warn: () => {} } },
      usesOf: async () => [],
      holdsDeletes,
      decorate: (_pool, made) => decorateDriver(made, (name, work) => this.around(name, work)),
    });
    this.#opened.push(pools);
    return pools;
  }

  placeOf(name: string): string {
    return join(this.disk, 'p', 'volumes', localId('volume', name));
  }

  volumes(): readonly string[] {
    return readdirSync(join(this.disk, 'p', 'volumes'));
  }

  /** A volume with a file of 1 MiB in it. */
  async sourceOf(pools: Pools): Promise<VolumeSource & { readonly kind: 'volume' }> {
    const { id } = await pools.createVolume(input('source'), call);
    writeFileSync(join(this.placeOf('source'), 'data', 'file'), Buffer.alloc(1 << 20, 1));
    return { kind: 'volume', volumeId: id };
  }

  /** The pool's storage does not answer once; whoever asks next finds it again. */
  async losePool(pools: Pools, id: string): Promise<void> {
    const earlier = this.around;
    this.around = async (name, work) => {
      if (name === 'storage.assertSame') throw new ConvoyError('Unavailable', 'the disk does not answer');
      return earlier(name, work);
    };
    await assert.rejects(pools.getVolume(id), failsWith('Unavailable', 'does not answer'));
    this.around = earlier;
  }

  #config(name: string, change: Partial<PoolConfig>): PoolConfig {
    const path = join(this.disk, name);
    mkdirSync(path, { recursive: true });
    const driver = change.driver ?? 'vfs';
    return {
      name,
      driver,
      options: { [`${driver}.path`]: path },
      init: 'auto',
      overcommit: 1,
      thin: false,
      onDelete: 'delete',
      trashRetentionMs: 0,
      maxJobs: 1,
      allowParameters: [],
      ...change,
    };
  }
}

export const plainly: Around = async (_name, work) => work();
