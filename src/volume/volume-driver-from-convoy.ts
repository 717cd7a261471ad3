import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallContext, ConvoyDriver } from '../convoy/contract.ts';
import { ConvoyError, fromErrno, isErrno, notFound } from '../convoy/errors.ts';
import { checkName, type LocalVolumeId, localId } from '../convoy/ids.ts';
import { type CreateVolumeOptions, type OptionKey, parseCreateOptions } from '../convoy/options.ts';
import { FS_TYPES, type FsType, type System } from '../system/api.ts';
import type { DetailedVolume, Driver, Scope, Volume } from './contract.ts';
import { DockerRecords, type DockerVolumeRecord } from './docker-records.ts';
import { OneByOne } from './one-by-one.ts';
import { VolumeUses } from './volume-uses.ts';

/** What Docker's user may set, by Convoy's wire names, beside the driver's own parameters. */
export const DOCKER_OPTIONS: readonly OptionKey[] = [
  'Size',
  'Format',
  'FileSystem',
  'VolumeDriverID',
  'VolumeType',
  'VolumeIOPS',
  'BackupURL',
  'PrepareForVM',
];

export interface Offer {
  readonly system: System;
  /** An existing directory of ours in which the volumes are mounted, by their local id. */
  readonly mountRoot: string;
  /** The name in Docker; absent = the driver's own. */
  readonly name?: string;
}

/**
 * Offers any ConvoyDriver to a Docker engine. The caller has opened the driver's storage and holds its lock; no pool may
 * use the same storage, as the records are of another kind.
 */
export function volumeDriverFromConvoy(driver: ConvoyDriver, offer: Offer): Driver {
  return new OfferedDriver(driver, offer);
}

class OfferedDriver implements Driver {
  readonly #driver: ConvoyDriver;
  readonly #offer: Offer;
  readonly #records: DockerRecords;
  readonly #turns = new OneByOne();

  constructor(driver: ConvoyDriver, offer: Offer) {
    this.#driver = driver;
    this.#offer = offer;
    this.#records = new DockerRecords(driver.operations.records);
  }

  name(): string {
    return this.#offer.name ?? this.#driver.name();
  }

  scope(): Scope {
    return this.#driver.properties.scope;
  }

  async create(name: string, opts: Readonly<Record<string, string>>): Promise<DetailedVolume> {
    const id = localId('volume', checkName('volume name', name));
    const options = this.#parse(opts);
    return this.#turns.run(id, async () => {
      await this.#driver.operations.storage.assertSame();
      const existing = await this.#records.find(id);
      if (existing !== undefined && !sameOptions(this.#parse(existing.options), options))
        throw new ConvoyError(
          'AlreadyExists',
          `volume ${JSON.stringify(name)} exists with other options: use another name, or remove it first`,
        );
      if (existing?.state === 'deleting')
        throw new ConvoyError('Busy', `volume ${JSON.stringify(name)} is being removed: remove it again, then create it`);
      if (existing?.state === 'ready') return this.#volume(existing);
      const record = existing ?? this.#newRecord(id, name, opts, options);
      await this.#records.write(record);
      await this.#driver.volumeOps().createVolume(id, { ...options, volumeName: name }, context());
      const ready = { ...record, state: 'ready' as const };
      await this.#records.write(ready);
      return this.#volume(ready);
    });
  }

  async remove(volume: Volume): Promise<void> {
    const id = localId('volume', volume.name());
    await this.#turns.run(id, async () => {
      await this.#driver.operations.storage.assertSame();
      const record = await this.#records.find(id);
      if (record === undefined) return;
      const [target] = record.state === 'ready' ? await this.#driver.volumeOps().mountPoint(id) : [];
      if (target !== undefined)
        throw new ConvoyError('InUse', `volume ${JSON.stringify(volume.name())} is mounted at ${target}: unmount it there first`);
      await this.#records.write({ ...record, state: 'deleting' });
      await this.#releaseDevices(id);
      await this.#driver.volumeOps().deleteVolume(id, { referenceOnly: false }, context());
      await this.#uses(id).remove();
      await rmdir(this.#mountPoint(id)).catch(unlessAbsent);
      await this.#records.remove(id);
    });
  }

  async list(): Promise<readonly DetailedVolume[]> {
    await this.#driver.operations.storage.assertSame();
    return (await this.#records.list()).filter((record) => record.state === 'ready').map((record) => this.#volume(record));
  }

  async get(name: string): Promise<DetailedVolume> {
    await this.#driver.operations.storage.assertSame();
    const record = await this.#records.find(localId('volume', name));
    if (record?.state !== 'ready') throw notFound(`volume ${JSON.stringify(name.slice(0, 64))}`);
    return this.#volume(record);
  }

  async mount(id: LocalVolumeId, caller: string): Promise<string> {
    return this.#turns.run(id, async () => {
      const record = await this.#records.find(id);
      if (record?.state !== 'ready') throw notFound(`volume ${id}`);
      const mountPoint = this.#mountPoint(id);
      const mounted = await this.#mounted(id);
      if (!mounted) await this.#mountVolume(record, mountPoint);
      const uses = this.#uses(id);
      const callers = await uses.callers(mounted);
      if (!mounted || !callers.includes(caller)) await uses.write([...callers.filter((other) => other !== caller), caller]);
      return mountPoint;
    });
  }

  async unmount(id: LocalVolumeId, caller: string): Promise<void> {
    await this.#turns.run(id, async () => {
      const mounted = await this.#mounted(id);
      const callers = await this.#uses(id).callers(mounted);
      const left = callers.filter((other) => other !== caller);
      // The mount goes first: killed in between, the table says that nobody uses it.
      if (left.length === 0 && mounted) {
        await this.#driver.volumeOps().umountVolume(id, this.#mountPoint(id), context());
        await this.#releaseDevices(id);
      }
      if (left.length < callers.length) await this.#uses(id).write(left);
    });
  }

  #parse(opts: Readonly<Record<string, string>>): CreateVolumeOptions {
    const { properties } = this.#driver;
    const own = Object.entries(opts).filter(([key]) => Object.hasOwn(properties.parameters, key));
    const wire = Object.fromEntries(Object.entries(opts).filter(([key]) => !Object.hasOwn(properties.parameters, key)));
    const parsed = parseCreateOptions(wire, DOCKER_OPTIONS);
    return {
      ...parsed,
      sizeBytes: roundSize(parsed.sizeBytes, properties),
      ...(own.length > 0 && { driverParameters: Object.fromEntries(own) }),
    };
  }

  #newRecord(id: LocalVolumeId, name: string, opts: Readonly<Record<string, string>>, options: CreateVolumeOptions): DockerVolumeRecord {
    const format = this.#driver.properties.access === 'directory' || options.format === false ? 'never' : 'blank';
    return { version: 1, id, name, options: opts, createdAt: new Date().toISOString(), state: 'pending', format };
  }

  async #mountVolume(record: DockerVolumeRecord, mountPoint: string): Promise<void> {
    try {
      await this.#offer.system.files.mkdirDurable(mountPoint, 0o755);
    } catch (error) {
      throw fromErrno(error, `making ${mountPoint}`);
    }
    const fsType = this.#fsType(record);
    await this.#driver
      .volumeOps()
      .mountVolume(
        record.id,
        { mountPoint, readOnly: false, flags: [], format: this.#records.formatGate(record), ...(fsType !== undefined && { fsType }) },
        context(),
      );
  }

  #fsType(record: DockerVolumeRecord): FsType | undefined {
    const [preferred] = this.#driver.properties.fileSystems;
    const asked = record.options['FileSystem'];
    return asked === undefined ? preferred : FS_TYPES.find((known) => known === asked);
  }

  async #mounted(id: LocalVolumeId): Promise<boolean> {
    return (await this.#offer.system.mounts.find(this.#mountPoint(id))) !== undefined;
  }

  async #releaseDevices(id: LocalVolumeId): Promise<void> {
    const used = new Set((await this.#offer.system.mounts.list()).map((mount) => mount.device));
    await this.#driver.operations.access.releaseUnused(id, used);
  }

  #mountPoint(id: LocalVolumeId): string {
    return join(this.#offer.mountRoot, id);
  }

  #uses(id: LocalVolumeId): VolumeUses {
    return new VolumeUses(`${this.#mountPoint(id)}.uses.json`);
  }

  #volume(record: DockerVolumeRecord): DetailedVolume {
    return {
      name: () => record.name,
      driverName: () => this.name(),
      path: () => this.#mountPoint(record.id),
      mount: (caller) => this.mount(record.id, caller),
      unmount: (caller) => this.unmount(record.id, caller),
      createdAt: async () => new Date(record.createdAt),
      status: () => ({ VolumeUUID: record.id, VolumeCreatedAt: record.createdAt }),
      labels: () => ({}),
      options: () => ({ ...record.options }),
      scope: () => this.scope(),
    };
  }
}

/** Docker gives no deadline and cannot cancel. */
const context = (): CallContext => ({ signal: new AbortController().signal, secrets: {}, progress: () => {} });

function roundSize(asked: bigint | undefined, properties: ConvoyDriver['properties']): bigint {
  const wanted = asked ?? properties.defaultSizeBytes;
  const least = wanted < properties.minSizeBytes ? properties.minSizeBytes : wanted;
  return ((least + properties.sizeUnitBytes - 1n) / properties.sizeUnitBytes) * properties.sizeUnitBytes;
}

const sameOptions = (one: CreateVolumeOptions, other: CreateVolumeOptions): boolean => canonical(one) === canonical(other);

const canonical = (value: object): string =>
  JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'bigint') return String(inner);
    return typeof inner === 'object' && inner !== null
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner;
  });

function unlessAbsent(error: unknown): void {
  if (!isErrno(error, 'ENOENT')) throw fromErrno(error, 'removing the mount point of a volume');
}
