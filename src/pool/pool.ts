import { join } from 'node:path';
import type {
  CallContext,
  ConvoyDriver,
  DriverDeps,
  DriverLog,
  DriverProperties,
  Operations,
  StorageOperations,
} from '../convoy/contract.ts';
import { ConvoyError, invalid, isConvoyError } from '../convoy/errors.ts';
import { formatId, type LocalId, nodeKey, type ObjectKind } from '../convoy/ids.ts';
import type { RegisteredDriver } from '../convoy/registry.ts';
import type { Scope } from '../volume/contract.ts';
import type { PoolConfig, PoolState, UsesOf } from './api.ts';
import { Catalogue, type CatalogueEntry } from './catalogue.ts';
import type { Jobs } from './jobs.ts';
import { type KnownPools, wasAt } from './known-pools.ts';
import type { Locks } from './locks.ts';
import { checkMarker, decodeMarker, encodeMarker, newMarker } from './marker.ts';
import type { Places } from './places.ts';
import { RecordBook } from './records.ts';
import { Trash } from './trash.ts';

/** What the use cases share within one process. */
export interface PoolEnv {
  readonly nodeName: string;
  readonly root: string;
  readonly locks: Locks;
  readonly jobs: Jobs;
  readonly known: KnownPools;
  readonly log: DriverLog;
  /** Undefined: nothing is published on this host. */
  readonly usesOf: UsesOf | undefined;
  /** True for a node that was declared gone: what it holds is released. */
  readonly isReleased: (node: string) => boolean;
  /** Whether this process manages pools of that scope; others are guests. */
  readonly manages: (scope: Scope) => boolean;
  /** Why no pool may be opened just now. */
  readonly waitsFor: () => string | undefined;
  /** True while nothing may be removed that nobody asks for just now. */
  readonly holdsDeletes: () => boolean;
  readonly deps: DriverDeps;
  readonly pools: readonly Pool[];
  /** Managed by another process: their volumes are published here, and nothing else. */
  readonly guests: readonly Pool[];
  readonly places: Places;
  /** Decorators of the contract (metrics, logs, deadlines). */
  readonly decorate: (pool: string, driver: ConvoyDriver) => ConvoyDriver;
}

interface Opened {
  readonly driver: ConvoyDriver;
  readonly book: RecordBook;
  readonly catalogue: Catalogue;
  readonly trash: Trash;
}

/** How long a failed attempt to open is believed before the next call tries again. */
const RETRY_OPEN_MS = 2000;

/**
 * One configured pool. It is open once its storage is proven to be what the admin configured and this process manages it
 * alone; until then every call on it is Unavailable with the reason, and it is tried again on use.
 */
export class Pool {
  readonly config: PoolConfig;
  readonly #env: PoolEnv;
  readonly #registered: RegisteredDriver;
  readonly #afterOpen: (pool: Pool) => Promise<void>;
  #driver: ConvoyDriver | undefined;
  #opened: Opened | undefined;
  #reason = 'not opened yet';
  /** By a clock that is never set back. */
  #lastTry = Number.NEGATIVE_INFINITY;
  #opening: Promise<void> | undefined;
  #closed = false;
  /** The instance was closed when its storage went away: the next attempt makes a new one. */
  #stale = false;

  constructor(config: PoolConfig, registered: RegisteredDriver, env: PoolEnv, afterOpen: (pool: Pool) => Promise<void>) {
    this.config = config;
    this.#registered = registered;
    this.#env = env;
    this.#afterOpen = afterOpen;
  }

  get name(): string {
    return this.config.name;
  }

  /** What the driver can do, known once its options were read, open or not. */
  get operations(): Operations {
    return this.#need().operations;
  }

  get properties(): DriverProperties {
    return this.#need().properties;
  }

  get isLocal(): boolean {
    return this.properties.scope === 'local';
  }

  /** Another process manages it. */
  get isGuest(): boolean {
    return !this.#env.manages(this.properties.scope);
  }

  /** This host, as it holds volumes of global pools. */
  get host(): string {
    return this.#env.nodeName;
  }

  /** The node part of this pool's ids. */
  get node(): string {
    return this.isLocal ? nodeKey(this.#env.nodeName) : 'global';
  }

  get nodeName(): string | undefined {
    return this.isLocal ? this.#env.nodeName : undefined;
  }

  get driver(): ConvoyDriver {
    return this.#open().driver;
  }

  get book(): RecordBook {
    return this.#open().book;
  }

  get catalogue(): Catalogue {
    return this.#open().catalogue;
  }

  get trash(): Trash {
    return this.#open().trash;
  }

  get state(): PoolState {
    return this.#opened === undefined ? { kind: 'unavailable', reason: this.#reason } : { kind: 'open' };
  }

  id(local: LocalId): string {
    return formatId(this.name, this.node, local);
  }

  /** Notes what is durable already. A pool that was lost meanwhile reads it when it is opened again. */
  note(kind: ObjectKind, id: LocalId, entry: CatalogueEntry): void {
    this.#opened?.catalogue.set(kind, id, entry);
  }

  /** A context for work that belongs to no call. */
  ownContext(): CallContext {
    return { signal: new AbortController().signal, secrets: {}, progress: () => {} };
  }

  /** Reads the driver's options (wrong ones are InvalidArgument, fatal at start); does not touch the storage. */
  async init(): Promise<void> {
    const { init, name } = this.#registered;
    const driver = await init(join(this.#env.root, 'drivers', this.name), this.config.options, this.#env.deps);
    if (this.config.onDelete === 'retain' && driver.operations.trash === undefined)
      throw invalid(`pools.${this.name}.onDelete is "retain", but driver ${name} has no trash: use "delete"`);
    this.#driver = this.#env.decorate(this.name, driver);
    this.#stale = false;
  }

  /** Opens if need be, and proves that the storage is still what was opened. Throws Unavailable with the reason and the ways out. */
  async ready(): Promise<void> {
    if (this.#closed) throw new ConvoyError('Unavailable', `pool ${this.name}: the driver is stopping; try again`);
    if (this.#opened === undefined) await this.#tryOpen();
    const opened = this.#open();
    try {
      await opened.driver.operations.storage.assertSame();
    } catch (error) {
      // A late answer about an instance that was given up says nothing of the one that took its place.
      if (this.#opened === opened) await this.#lose(error);
      throw this.#unavailable(error);
    }
  }

  /** Makes the place a pool by the admin's word. */
  async initialise(how: 'init' | 'replace' | 'adopt'): Promise<void> {
    this.#refuseToManage();
    await this.#opening?.catch(() => {});
    if (this.#opened !== undefined) throw new ConvoyError('InUse', `pool ${this.name} is open already; nothing to do`);
    // An instance that has seen another disk in this place goes on asking for that one.
    if (this.#stale) await this.init();
    const { storage } = this.#need().operations;
    const text = await storage.readMarker();
    if (how === 'adopt') await this.#adopt(text);
    else {
      if (text !== undefined && how === 'init')
        throw new ConvoyError('AlreadyExists', `${await storage.place()} is a pool already; "--replace" gives its data up`);
      if (how === 'init') await this.#refuseInit(storage);
      await storage.writeMarker(encodeMarker(newMarker(this.name, this.#registered.name, this.nodeName)), how === 'replace');
    }
    const marker = decodeMarker(await storage.place(), (await storage.readMarker()) ?? '');
    await this.#env.known.remember({ pool: this.name, uuid: marker.uuid, place: await storage.place() });
    this.#lastTry = Number.NEGATIVE_INFINITY;
    await this.ready();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => {});
    this.#opened?.trash.close();
    await this.#driver?.close();
    this.#opened = undefined;
    this.#reason = 'closed';
  }

  #refuseToManage(): void {
    if (this.isGuest) throw managedElsewhere(this.name);
    this.#refuseToOpen();
  }

  #refuseToOpen(): void {
    const why = this.#env.waitsFor();
    if (why !== undefined) throw new ConvoyError('Unavailable', `pool ${this.name} is not open yet: ${why}`);
  }

  #need(): ConvoyDriver {
    if (this.#driver === undefined) throw new ConvoyError('Unavailable', `pool ${this.name} is unavailable: ${this.#reason}`);
    return this.#driver;
  }

  #open(): Opened {
    if (this.#opened === undefined) throw new ConvoyError('Unavailable', `pool ${this.name} is unavailable: ${this.#reason}`);
    return this.#opened;
  }

  async #tryOpen(): Promise<void> {
    this.#refuseToOpen();
    if (this.#opening === undefined) {
      if (performance.now() - this.#lastTry < RETRY_OPEN_MS) throw this.#unavailable(undefined);
      this.#opening = this.#prove().finally(() => {
        this.#opening = undefined;
        this.#lastTry = performance.now();
      });
    }
    try {
      await this.#opening;
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  #unavailable(error: unknown): ConvoyError {
    return new ConvoyError('Unavailable', `pool ${this.name} is unavailable: ${this.#reason}`, { cause: error });
  }

  async #prove(): Promise<void> {
    try {
      if (this.#driver === undefined || this.#stale) await this.init();
      const driver = this.#need();
      await this.#proveMarker(driver);
      const book = new RecordBook(driver.operations.records);
      const catalogue = new Catalogue();
      const trash = new Trash(this, driver, this.#env);
      if (!this.isGuest) {
        await trash.load();
        await loadCatalogue(book, catalogue, this.#env.log);
      }
      this.#opened = { driver, book, catalogue, trash };
      await this.#afterOpen(this);
      this.#env.log.info({ pool: this.name, driver: driver.name(), volumes: catalogue.count('volume') }, 'pool open');
    } catch (error) {
      await this.#lose(error);
      throw error;
    }
  }

  async #proveMarker(driver: ConvoyDriver): Promise<void> {
    const { storage } = driver.operations;
    const place = await storage.place();
    this.#env.places.claim(this.name, place);
    let text = await storage.readMarker();
    const known = await this.#env.known.find(this.name);
    if (text === undefined && this.isGuest)
      throw new ConvoyError(
        'Unavailable',
        `${place} holds no pool marker, and the pool is global: mount its storage there; the controller makes it a pool ("convoy pools init ${this.name}" there)`,
      );
    if (text === undefined) {
      await this.#mayInitialise(driver, place, wasAt(known, place));
      await storage.writeMarker(encodeMarker(newMarker(this.name, this.#registered.name, this.nodeName)), false);
      text = await storage.readMarker();
    }
    const marker = decodeMarker(place, text ?? '');
    checkMarker(marker, { pool: this.name, driver: this.#registered.name, node: this.nodeName, place });
    if (known !== undefined && known.place === place && known.uuid !== marker.uuid)
      throw new ConvoyError(
        'Unavailable',
        `another pool named ${this.name} is at ${place} than the one this node knows: mount the right disk; if this one is to take its place, remove ${join(this.#env.root, 'known', `${this.name}.json`)}`,
      );
    if (!this.isGuest) await storage.lock();
    if (known?.uuid !== marker.uuid || known.place !== place) await this.#env.known.remember({ pool: this.name, uuid: marker.uuid, place });
  }

  /** An empty place becomes a pool by itself only where the config says so and this node never opened the pool there. */
  async #mayInitialise(driver: ConvoyDriver, place: string, isKnown: boolean): Promise<void> {
    const refuse = (found: string, way: string): ConvoyError =>
      new ConvoyError('Unavailable', `${place} holds no pool marker ${found}: ${way}`);
    if (isKnown)
      throw refuse(
        'although this node opened the pool there before',
        `its disk is probably not mounted; if the data is really gone, "convoy pools init ${this.name} --replace"`,
      );
    if (this.config.init === 'manual' && !this.isLocal)
      throw refuse(
        'and the pool is global',
        `its file system is probably not mounted; only if it never was a pool: "convoy pools init ${this.name}"`,
      );
    if (this.config.init === 'manual') throw refuse('and init is manual', `"convoy pools init ${this.name}" makes it a pool`);
    if (!(await driver.operations.storage.isEmpty()))
      throw refuse('and is not empty', 'give the pool an empty directory; nothing that is there was touched');
  }

  async #refuseInit(storage: StorageOperations): Promise<void> {
    const place = await storage.place();
    if (!(await storage.isEmpty())) throw new ConvoyError('Precondition', `${place} is not empty: a pool is made in an empty place only`);
    if (wasAt(await this.#env.known.find(this.name), place))
      throw new ConvoyError(
        'Precondition',
        `${place} holds no pool marker although this node opened the pool there before: its disk is probably not mounted; if the data is really gone, "convoy pools init ${this.name} --replace"`,
      );
  }

  async #adopt(text: string | undefined): Promise<void> {
    const { storage } = this.#need().operations;
    const place = await storage.place();
    if (text === undefined)
      throw new ConvoyError('Precondition', `${place} holds no pool to adopt; "convoy pools init ${this.name}" makes one`);
    const marker = decodeMarker(place, text);
    checkMarker(
      { ...marker, ...(this.nodeName === undefined ? {} : { node: this.nodeName }) },
      { pool: this.name, driver: this.#registered.name, node: this.nodeName, place },
    );
    await storage.writeMarker(encodeMarker({ ...marker, ...(this.nodeName === undefined ? {} : { node: this.nodeName }) }), true);
  }

  async #lose(error: unknown): Promise<void> {
    this.#reason = isConvoyError(error) ? error.message : `internal error (${error instanceof Error ? error.message : String(error)})`;
    this.#env.log.warn({ pool: this.name, reason: this.#reason }, 'pool unavailable');
    this.#opened?.trash.close();
    this.#opened = undefined;
    this.#lastTry = performance.now();
    // This instance still says what the driver can do.
    this.#stale = true;
    await this.#driver?.close();
  }
}

/** For what only who manages the pool may do. */
export const managedElsewhere = (pool: string): ConvoyError =>
  new ConvoyError('NotSupported', `pool ${pool} is global, and this node only publishes from it: ask the controller`);

/** Records read at once when a pool opens. */
const READ_TOGETHER = 16;

async function loadCatalogue(book: RecordBook, catalogue: Catalogue, log: DriverLog): Promise<void> {
  for (const kind of ['volume', 'snapshot'] as const) {
    const ids = [...(await book.list(kind))];
    const readSome = async (): Promise<void> => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) await enter(book, catalogue, log, kind, id);
    };
    await Promise.all(Array.from({ length: READ_TOGETHER }, readSome));
  }
}

/** A record that cannot be read keeps its place in lists, with no size; health and inspect say what is wrong with it. */
async function enter(book: RecordBook, catalogue: Catalogue, log: DriverLog, kind: ObjectKind, id: string): Promise<void> {
  const read = await book.read(kind, id);
  if (read.kind === 'damaged') log.warn({ kind, id, reason: read.error.message }, 'damaged record');
  if (read.kind !== 'found') return catalogue.set(kind, id, { sizeBytes: 0n, pending: read.kind === 'absent' });
  const { record } = read;
  const source = record.kind === 'snapshot' ? { sourceVolumeId: record.sourceVolumeId } : {};
  catalogue.set(kind, id, { sizeBytes: BigInt(record.size), pending: record.state !== 'ready', ...source });
}
