import { chmod, lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConvoyError, fromErrno, invalid, isErrno, notFound } from '../../convoy/errors.ts';
import { step } from '../../observe/steps.ts';
import type { System } from '../../system/api.ts';
import { DefaultDriverName, type DetailedVolume, type Driver, LocalScope, type Volume } from '../../volume/contract.ts';
import { mountUses } from '../../volume/mount-uses.ts';
import { OneByOne } from '../../volume/one-by-one.ts';
import { VolumeUses } from '../../volume/volume-uses.ts';
import { decodeOptions, encodeOptions, type MountOptions, mountRequest, needsMount, parseMountOptions } from './mount-options.ts';

/** Docker's rule for names (volume/local, volumeNameRegex), and short enough for a file name with a prefix of ours. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,239}$/;
/** No volume's name starts with a dot, so these are never taken for one. */
const NEW = '.new-';
const GONE = '.gone-';

/**
 * Docker's `local` driver: `<root>/volumes/<name>/_data`. With the options `type` and `device` something is mounted there
 * while the volume is used. A name's calls run one after the other.
 */
export class LocalDriver implements Driver {
  /** Holds the volumes; must be there. */
  static readonly FOLDER = 'volumes';
  readonly #system: System;
  readonly #volumes: string;
  readonly #defaults: MountOptions;
  readonly #turns = new OneByOne();

  /** `defaults` are the mount options of volumes for which none are given. */
  constructor(system: System, root: string, defaults: MountOptions = {}) {
    this.#system = system;
    this.#volumes = join(root, LocalDriver.FOLDER);
    this.#defaults = defaults;
  }

  name(): string {
    return DefaultDriverName;
  }

  scope(): typeof LocalScope {
    return LocalScope;
  }

  async create(name: string, opts: Readonly<Record<string, string>>): Promise<DetailedVolume> {
    if (!NAME.test(name))
      throw invalid(
        `volume name ${JSON.stringify(name.slice(0, 64))} is not allowed; allowed are 2 to 240 of [a-zA-Z0-9_.-], the first a letter or digit`,
      );
    const wanted = parseMountOptions({ ...this.#defaults, ...opts });
    return this.#turns.run(name, async () => {
      const existing = await this.#find(name);
      if (existing === undefined) return this.#make(name, wanted);
      if (!sameOptions(await this.#options(name), wanted))
        throw new ConvoyError('AlreadyExists', `volume ${name} exists with other options: use another name, or remove it first`);
      return existing;
    });
  }

  async remove(volume: Volume): Promise<void> {
    const name = volume.name();
    if (!NAME.test(name)) return;
    await this.#turns.run(name, async () => {
      const gone = join(this.#volumes, GONE + name);
      if ((await this.#find(name)) !== undefined) {
        await this.#refuseIfUsed(name);
        await this.#removeTree(gone);
        await this.#system.files.renameDurable(this.#directory(name), gone);
      }
      await this.#removeTree(gone);
      await this.#removeTree(join(this.#volumes, NEW + name));
    });
  }

  async list(): Promise<readonly DetailedVolume[]> {
    const names = (await this.#entries()).filter((entry) => NAME.test(entry));
    const found = await Promise.all(names.map((name) => this.#find(name)));
    return found.filter((volume) => volume !== undefined);
  }

  async get(name: string): Promise<DetailedVolume> {
    const found = NAME.test(name) ? await this.#find(name) : undefined;
    if (found === undefined) throw notFound(`volume ${JSON.stringify(name.slice(0, 64))}`);
    return found;
  }

  /** Clears what creates and removes left that were cut short. Only for the one process that manages the directory. */
  async clearLeftovers(): Promise<void> {
    const entries = await this.#entries();
    for (const prefix of [NEW, GONE])
      for (const entry of entries.filter((found) => found.startsWith(prefix)))
        await this.#turns.run(entry.slice(prefix.length), () => this.#removeTree(join(this.#volumes, entry)));
  }

  async mount(name: string, caller: string): Promise<string> {
    return this.#turns.run(name, async () => {
      const options = await this.#options(name);
      const data = this.#data(name);
      const mounted = await this.#mounted(name, options);
      if (mounted === false) await this.#mountData(name, options);
      const uses = this.#uses(name);
      const callers = await uses.callers(mounted);
      if (!callers.includes(caller)) await uses.write([...callers, caller]);
      return data;
    });
  }

  async unmount(name: string, caller: string): Promise<void> {
    await this.#turns.run(name, async () => {
      if ((await this.#find(name)) === undefined) return;
      const options = await this.#options(name);
      const mounted = await this.#mounted(name, options);
      const callers = await this.#uses(name).callers(mounted);
      const left = callers.filter((other) => other !== caller);
      // The mount goes first: killed in between, the table says that nobody uses it.
      if (left.length === 0 && mounted === true) await this.#unmountData(name);
      if (left.length < callers.length) await this.#uses(name).write(left);
    });
  }

  async #make(name: string, options: MountOptions): Promise<DetailedVolume> {
    const hidden = join(this.#volumes, NEW + name);
    const { files } = this.#system;
    try {
      await this.#removeTree(hidden);
      await files.mkdirDurable(hidden, 0o701);
      await files.mkdirDurable(join(hidden, '_data'), 0o755);
      await chmod(join(hidden, '_data'), 0o755); // the mode given before is cut by the umask
      if (Object.keys(options).length > 0) await files.writeDurable(join(hidden, 'opts.json'), encodeOptions(options), { mode: 0o600 });
      step('data.filled');
      await files.renameDurable(hidden, this.#directory(name));
      step('data.named');
    } catch (error) {
      throw isErrno(error, 'ENOENT') ? this.#noLayout(error) : fromErrno(error, `making volume ${name}`);
    }
    return this.get(name);
  }

  async #find(name: string): Promise<DetailedVolume | undefined> {
    try {
      const found = await lstat(this.#directory(name));
      if (!found.isDirectory()) return undefined;
      return new LocalVolume(this, name, this.#data(name), found.birthtime, await this.#options(name).catch(onlyConvoyError));
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw fromErrno(error, `looking for volume ${name}`);
      await this.#entries(); // Unavailable rather than absent when the layout itself is not there
      return undefined;
    }
  }

  async #options(name: string): Promise<MountOptions> {
    try {
      return decodeOptions(name, await readFile(join(this.#directory(name), 'opts.json'), 'utf8'));
    } catch (error) {
      // Docker writes none for a volume without options.
      if (isErrno(error, 'ENOENT') && (await exists(this.#directory(name)))) return {};
      throw isErrno(error, 'ENOENT') ? notFound(`volume ${name}`) : fromErrno(error, `reading opts.json of volume ${name}`);
    }
  }

  async #entries(): Promise<readonly string[]> {
    try {
      return await readdir(this.#volumes);
    } catch (error) {
      throw isErrno(error, 'ENOENT') ? this.#noLayout(error) : fromErrno(error, `listing ${this.#volumes}`);
    }
  }

  #noLayout(cause: unknown): ConvoyError {
    return new ConvoyError('Unavailable', `${this.#volumes} is not there: check that its disk is mounted`, { cause });
  }

  /** undefined for a volume that has no mount of its own. */
  async #mounted(name: string, options: MountOptions): Promise<boolean | undefined> {
    return needsMount(options) ? (await this.#system.mounts.find(this.#data(name))) !== undefined : undefined;
  }

  async #mountData(name: string, options: MountOptions): Promise<void> {
    try {
      await this.#system.mounts.mount({ ...mountRequest(options), target: this.#data(name) });
    } catch (error) {
      // mount(8) repeats the options, which may hold a password: its words go to no client.
      throw new ConvoyError(
        'Unavailable',
        `mounting volume ${name} failed: check its options type, o and device, and that what they name can be reached`,
        { cause: error },
      );
    }
  }

  async #unmountData(name: string): Promise<void> {
    try {
      await this.#system.mounts.unmount(this.#data(name));
    } catch (error) {
      if ((await this.#system.mounts.find(this.#data(name))) === undefined) return;
      throw new ConvoyError('InUse', `volume ${name} cannot be unmounted: find who has files open below ${this.#data(name)} (fuser -m)`, {
        cause: error,
      });
    }
  }

  async #refuseIfUsed(name: string): Promise<void> {
    const options = await this.#options(name).catch(onlyConvoyError);
    const mounted = options instanceof ConvoyError ? undefined : await this.#mounted(name, options);
    const callers = await this.#uses(name).callers(mounted);
    if (callers.length > 0)
      throw new ConvoyError('InUse', `volume ${name} is used by ${callers.slice(0, 3).join(', ')}: unmount it there first`);
    const data = this.#data(name);
    const { below, elsewhere } = mountUses(await this.#system.mounts.list(), data);
    // What a device shows elsewhere outlives the volume, whose removal takes only the mount point away.
    const [target] = mounted === undefined ? [...below, ...elsewhere] : below;
    if (target !== undefined) throw new ConvoyError('InUse', `volume ${name} is mounted at ${target}: unmount it there first`);
    if (mounted === true) await this.#unmountData(name);
    if ((await this.#system.mounts.find(data)) !== undefined)
      throw new ConvoyError('InUse', `something that is not the volume's own is mounted at ${data}: unmount it first`);
  }

  async #removeTree(path: string): Promise<void> {
    if (!(await exists(path))) return;
    try {
      await this.#system.trees.remove(path);
    } catch (error) {
      if (isErrno(error, 'EXDEV')) throw new ConvoyError('InUse', `something is mounted below ${path}: unmount it first`, { cause: error });
      throw fromErrno(error, `removing ${path}`);
    }
  }

  #uses(name: string): VolumeUses {
    return new VolumeUses(join(this.#directory(name), 'uses.json'));
  }

  #directory(name: string): string {
    return join(this.#volumes, name);
  }

  #data(name: string): string {
    return join(this.#directory(name), '_data');
  }
}

class LocalVolume implements DetailedVolume {
  readonly #driver: LocalDriver;
  readonly #name: string;
  readonly #data: string;
  readonly #createdAt: Date;
  readonly #options: MountOptions | ConvoyError;

  constructor(driver: LocalDriver, name: string, data: string, createdAt: Date, options: MountOptions | ConvoyError) {
    this.#driver = driver;
    this.#name = name;
    this.#data = data;
    this.#createdAt = createdAt;
    this.#options = options;
  }

  name(): string {
    return this.#name;
  }
  driverName(): string {
    return DefaultDriverName;
  }
  path(): string {
    return this.#data;
  }
  mount(id: string): Promise<string> {
    return this.#driver.mount(this.#name, id);
  }
  unmount(id: string): Promise<void> {
    return this.#driver.unmount(this.#name, id);
  }
  async createdAt(): Promise<Date> {
    return this.#createdAt;
  }
  status(): Readonly<Record<string, unknown>> {
    return {};
  }
  labels(): Readonly<Record<string, string>> {
    return {};
  }
  options(): Readonly<Record<string, string>> {
    if (this.#options instanceof ConvoyError) throw this.#options;
    return { ...this.#options };
  }
  scope(): typeof LocalScope {
    return LocalScope;
  }
}

const sameOptions = (one: MountOptions, other: MountOptions): boolean =>
  one.type === other.type && one.o === other.o && one.device === other.device;

function onlyConvoyError(error: unknown): ConvoyError {
  if (error instanceof ConvoyError) return error;
  throw error;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => {
      if (isErrno(error, 'ENOENT')) return false;
      throw error;
    },
  );
}
