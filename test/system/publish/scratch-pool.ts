import { mkdir, mkdtemp, readdir, readFile, realpath, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Access, ConvoyDriver, FormatGate, Mounter, Operations } from '../../../src/convoy/contract.ts';
import { defineDriver } from '../../../src/convoy/driver.ts';
import { ConvoyError, notFound } from '../../../src/convoy/errors.ts';
import type { LocalVolumeId } from '../../../src/convoy/ids.ts';
import { formatId, localId, parseId } from '../../../src/convoy/ids.ts';
import type { Call, OpenVolume, Pools, UsesOf } from '../../../src/pool/api.ts';
import type { VolumeCapability } from '../../../src/publish/api.ts';
import { makeMounter } from '../../../src/publish/mounter.ts';
import { NodeVolumes } from '../../../src/publish/node-volumes.ts';
import type { NodeRecords } from '../../../src/publish/records.ts';
import { openNodeRecords } from '../../../src/publish/records.ts';
import { makeUsesOf } from '../../../src/publish/uses-of.ts';
import type { FsType, System } from '../../../src/system/api.ts';
import { openSystem } from '../../../src/system/open-system.ts';

/**
 * A pool as small as can be, on real files: images with loop devices, and directories. Its state is a file, so that a
 * second process (a test that kills one) sees the same volumes.
 */
export interface Scratch {
  readonly dir: string;
  readonly system: System;
  readonly mounter: Mounter;
  readonly pool: ScratchPool;
  readonly records: NodeRecords;
  readonly node: NodeVolumes;
  readonly usesOf: UsesOf;
  readonly warnings: string[];
  /** A new NodeVolumes on the same state, as after a restart of the program. */
  restart(): Promise<Scratch>;
  /** Unmounts, detaches and removes everything below the directory. */
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openScratch(existing?: string): Promise<Scratch> {
  const dir = existing ?? (await realpath(await mkdtemp(join(tmpdir(), 'convoy-publish-'))));
  await Promise.all(['pool', 'root', 'staging', 'pods'].map((name) => mkdir(join(dir, name), { recursive: true })));
  const system = openSystem();
  const mounter = makeMounter(system);
  const pool = new ScratchPool(dir, system, mounter);
  return makeScratch(dir, system, mounter, pool);
}

async function makeScratch(dir: string, system: System, mounter: Mounter, pool: ScratchPool): Promise<Scratch> {
  const warnings: string[] = [];
  const log = { info: () => {}, warn: (_fields: unknown, message: string) => void warnings.push(message) };
  const records = await openNodeRecords(join(dir, 'root'), log);
  const deps = { system, pools: pool, mounter, records, log, root: join(dir, 'root'), protectedPaths: () => [join(dir, 'pool')] };
  return {
    dir,
    system,
    mounter,
    pool,
    records,
    warnings,
    node: new NodeVolumes(deps),
    usesOf: makeUsesOf({ system, records, log }),
    restart: () => makeScratch(dir, system, mounter, pool),
    [Symbol.asyncDispose]: async () => cleanUp(dir, system),
  };
}

async function cleanUp(dir: string, system: System): Promise<void> {
  const mounts = (await system.mounts.list()).filter((entry) => entry.target.startsWith(`${dir}/`)).reverse();
  for (const entry of mounts) await system.mounts.unmount(entry.target).catch(() => {});
  const images = (await readdir(join(dir, 'pool'))).filter((name) => name.endsWith('.img')).map((name) => join(dir, 'pool', name));
  for (const image of images) for (const device of await system.loops.findByBacking(image)) await system.loops.detach(device.path, image);
  await system.close();
  await rm(dir, { recursive: true, force: true });
}

interface VolumeState {
  readonly kind: 'directory' | 'device';
  readonly sizeBytes: string;
  readonly gate: FormatGate['state'];
  readonly formattedAs?: FsType;
}

export class ScratchPool implements Pick<Pools, 'withVolume' | 'lockPublish' | 'peekVolume' | 'implemented'> {
  readonly implemented: ReadonlySet<keyof Operations> = new Set(['volume', 'access', 'storage', 'records']);
  readonly #dir: string;
  readonly #system: System;
  readonly #mounter: Mounter;
  readonly #locked = new Set<string>();
  /** False: as with a disk that is not mounted. */
  open = true;

  constructor(dir: string, system: System, mounter: Mounter) {
    this.#dir = join(dir, 'pool');
    this.#system = system;
    this.#mounter = mounter;
  }

  image(id: string): string {
    return join(this.#dir, `${localOf(id)}.img`);
  }

  directory(id: string): string {
    return join(this.#dir, localOf(id), '_data');
  }

  async create(
    name: string,
    kind: VolumeState['kind'],
    options: { sizeBytes?: bigint; gate?: FormatGate['state']; formattedAs?: FsType } = {},
  ): Promise<string> {
    const id = formatId('scratch', '0123456789abcdef', localId('volume', name));
    const { sizeBytes = 64n << 20n, gate = 'blank', formattedAs } = options;
    if (kind === 'directory') await mkdir(this.directory(id), { recursive: true });
    else await this.#system.files.createImage(this.image(id), sizeBytes, { thin: true });
    await this.setState(id, { kind, sizeBytes: String(sizeBytes), gate, ...(formattedAs === undefined ? {} : { formattedAs }) });
    return id;
  }

  async state(id: string): Promise<VolumeState> {
    if (!this.open) throw new ConvoyError('Unavailable', 'the scratch pool is not open');
    const text = parseId(id, 'volume') === undefined ? undefined : await readFile(this.#statePath(id), 'utf8').catch(() => undefined);
    if (text === undefined) throw notFound(`volume ${id}`);
    return JSON.parse(text) as VolumeState;
  }

  async setState(id: string, state: VolumeState): Promise<void> {
    await writeFile(this.#statePath(id), JSON.stringify(state));
  }

  async destroy(id: string): Promise<void> {
    await rm(this.#statePath(id));
  }

  async grow(id: string, sizeBytes: bigint): Promise<void> {
    await truncate(this.image(id), Number(sizeBytes));
    for (const device of await this.#system.loops.findByBacking(this.image(id))) await this.#system.loops.refreshSize(device.path);
    await this.setState(id, { ...(await this.state(id)), sizeBytes: String(sizeBytes) });
  }

  async withVolume<T>(id: string, work: (volume: OpenVolume) => Promise<T>): Promise<T> {
    const opened = await this.peekVolume(id);
    using _lock = this.lockPublish(id);
    return await work(opened);
  }

  async letGo(): Promise<void> {}

  async held(): Promise<readonly string[]> {
    return [];
  }

  lockPublish(id: string): Disposable {
    if (this.#locked.has(id)) throw new ConvoyError('Busy', `volume ${id} is in use by another call`);
    this.#locked.add(id);
    return { [Symbol.dispose]: () => void this.#locked.delete(id) };
  }

  async peekVolume(id: string): Promise<OpenVolume> {
    const state = await this.state(id);
    const driver = this.#driver(state);
    const local = localOf(id);
    const { access } = driver.operations;
    return {
      volume: {
        id,
        name: id,
        pool: 'scratch',
        driver: 'scratch',
        state: 'ready',
        sizeBytes: BigInt(state.sizeBytes),
        createdAt: new Date(0),
        use: { mount: true, block: true },
        sizeEnforced: true,
      },
      driver,
      properties: driver.properties,
      openAccess: (options) => access.openAccess(local, options),
      devices: () => access.devices(local),
      releaseUnused: (used) => access.releaseUnused(local, used),
      format: this.#gate(id, state),
      ...(state.formattedAs === undefined ? {} : { formattedAs: state.formattedAs }),
      markRaw: async () => this.setState(id, { ...(await this.state(id)), gate: 'never' }),
      context: (call) => ({ signal: call.signal, secrets: call.secrets, progress: () => {} }),
      hold: async () => {},
      holders: async () => [],
    };
  }

  #gate(id: string, state: VolumeState): FormatGate {
    return {
      state: state.gate,
      begin: async () => this.setState(id, { ...(await this.state(id)), gate: 'formatting' }),
      done: async (fsType) => this.setState(id, { ...(await this.state(id)), gate: 'formatted', formattedAs: fsType }),
    };
  }

  #statePath(id: string): string {
    return join(this.#dir, `${localOf(id)}.json`);
  }

  #driver(state: VolumeState): ConvoyDriver {
    const refuse = async (): Promise<never> => {
      throw new ConvoyError('NotSupported', 'not part of the scratch pool');
    };
    const operations = {
      volume: { createVolume: refuse, deleteVolume: refuse, getVolumeInfo: refuse, listVolume: refuse },
      access: state.kind === 'device' ? this.#loops() : this.#directories(),
      storage: { readMarker: refuse, isEmpty: refuse, writeMarker: refuse, lock: refuse, assertSame: refuse, place: refuse },
      records: { readRecord: refuse, writeRecord: refuse, removeRecord: refuse, listRecords: refuse },
    };
    return defineDriver({
      name: 'scratch',
      operations,
      properties: {
        scope: 'local',
        access: state.kind,
        sizeEnforced: true,
        sizeUnitBytes: 1n,
        minSizeBytes: 1n,
        defaultSizeBytes: 1n << 30n,
        fileSystems: state.kind === 'device' ? ['ext4', 'xfs'] : [],
        sharesBlocks: false,
        instantCut: true,
        parameters: {},
      },
      info: async () => ({}),
      deps: { mounter: this.#mounter },
    });
  }

  #directories(): Operations['access'] {
    const path = (local: string): string => join(this.#dir, local, '_data');
    return {
      openAccess: async (local) => ({ kind: 'directory', path: path(local), close: async () => {} }),
      devices: async () => [],
      releaseUnused: async () => {},
    };
  }

  #loops(): Operations['access'] {
    const { loops } = this.#system;
    const image = (local: string): string => join(this.#dir, `${local}.img`);
    return {
      openAccess: async (local, { readOnly, raw }): Promise<Access> => {
        const found = (await loops.findByBacking(image(local))).find((device) => device.readOnly === readOnly && device.autoclear === !raw);
        const held = found === undefined ? await loops.attach(image(local), { readOnly, autoclear: !raw }) : await loops.hold(found.path);
        return { kind: 'device', path: held.path, device: held.device, readOnly, close: () => held.close() };
      },
      devices: async (local) => (await loops.findByBacking(image(local))).map((device) => device.device),
      releaseUnused: async (local, used) => {
        for (const device of await loops.findByBacking(image(local)))
          if (!used.has(device.device)) await loops.detach(device.path, image(local));
      },
    };
  }
}

export const call = (): Call => ({ signal: new AbortController().signal, secrets: {}, requestId: 'test' });

export const mountCapability = (
  fsType = '',
  mode: VolumeCapability['mode'] = 'SINGLE_NODE_WRITER',
  mountFlags: readonly string[] = [],
): VolumeCapability => ({
  mode,
  access: { kind: 'mount', fsType, mountFlags, volumeMountGroup: '' },
});

export const blockCapability = (mode: VolumeCapability['mode'] = 'SINGLE_NODE_WRITER'): VolumeCapability => ({
  mode,
  access: { kind: 'block' },
});

function localOf(id: string): LocalVolumeId {
  const local = parseId(id, 'volume')?.local;
  if (local === undefined) throw notFound(`volume ${id}`);
  return local;
}
