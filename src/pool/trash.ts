import type { ConvoyDriver, TrashEntry } from '../convoy/contract.ts';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import type { LocalVolumeId, ObjectKind } from '../convoy/ids.ts';
import { formatId } from '../convoy/ids.ts';
import { step } from '../observe/steps.ts';
import type { TrashItem } from './api.ts';
import { heldElsewhere } from './holders.ts';
import type { Pool, PoolEnv } from './pool.ts';
import { decodeRecord } from './records.ts';

/** How often expired entries are looked for, and a purge that a mount stopped is tried again. */
const LOOK_AGAIN_MS = 30_000;

export interface DiscardOptions {
  /** Past the trash: removed at once. */
  readonly purge?: boolean | undefined;
  readonly lookAgain?: () => Promise<void>;
}

interface Kept {
  readonly entry: TrashEntry;
  readonly name: string;
  readonly sizeBytes: bigint;
  /** Goes at once, whatever the pool's policy: an object of the program's own (doctor). */
  readonly purge: boolean;
}

/**
 * Deleted objects until their bytes are gone. Discarding is one durable rename of the driver's; the removal is a job in the
 * background, after `trashRetention`, or never with `onDelete: retain`. Trash counts as used space.
 */
export class Trash {
  readonly #pool: Pool;
  readonly #driver: ConvoyDriver;
  readonly #env: PoolEnv;
  readonly #kept = new Map<string, Kept>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(pool: Pool, driver: ConvoyDriver, env: PoolEnv) {
    this.#pool = pool;
    this.#driver = driver;
    this.#env = env;
  }

  get bytes(): bigint {
    let sum = 0n;
    for (const { sizeBytes } of this.#kept.values()) sum += sizeBytes;
    return sum;
  }

  get count(): number {
    return this.#kept.size;
  }

  /** Bytes on their way out: out of space for no more than these is "busy", not "full". What is held is not on its way. */
  get goingBytes(): bigint {
    let sum = 0n;
    if (this.#env.holdsDeletes()) return sum;
    for (const kept of this.#kept.values()) if (this.#isExpired(kept)) sum += kept.sizeBytes;
    return sum;
  }

  /** Reads what is in the trash; the first purges start once the pool is open. */
  async load(): Promise<void> {
    for (const entry of (await this.#driver.operations.trash?.listTrash()) ?? []) await this.#keep(entry, false);
    this.#look(0);
  }

  /** Instead of when it is next looked for. */
  lookNow(): void {
    this.#look(0);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Moves an object out of sight, durably, and back where `lookAgain` throws then. Absent is fine. */
  async discard(kind: ObjectKind, id: string, { purge = false, lookAgain }: DiscardOptions = {}): Promise<void> {
    const entry = await this.#discard(kind, id);
    step('delete.discarded');
    if (entry === undefined) return;
    try {
      await lookAgain?.();
    } catch (error) {
      await this.#putBack(entry);
      throw error;
    }
    await this.#keep(entry, purge);
    this.#look(0);
  }

  /** Where that fails too, it stays in the list: an admin can bring it back, and it is not purged while a node holds it. */
  async #putBack(entry: TrashEntry): Promise<void> {
    try {
      await this.#need().undiscard(entry);
    } catch (error) {
      this.#env.log.warn({ pool: this.#pool.name, entry: entry.entry, reason: String(error) }, 'volume in use could not be moved back');
      await this.#keep(entry, false);
    }
  }

  /** A discard that failed may have moved the object all the same (its rename was done, the sync of it not): look. */
  async #discard(kind: ObjectKind, id: string): Promise<TrashEntry | undefined> {
    try {
      return await this.#need().discard(kind, id);
    } catch (error) {
      for (const found of (await this.#driver.operations.trash?.listTrash()) ?? [])
        if (!this.#kept.has(found.entry)) await this.#keep(found, false);
      this.#look(0);
      throw error;
    }
  }

  items(): readonly TrashItem[] {
    const { retention, retain } = this.#policy();
    return [...this.#kept.values()].map(({ entry, name, sizeBytes }) => ({
      pool: this.#pool.name,
      entry: entry.entry,
      kind: entry.kind,
      id: formatId(this.#pool.name, this.#pool.node, entry.id as never),
      name,
      sizeBytes,
      discardedAt: entry.discardedAt,
      ...(retain ? {} : { expiresAt: new Date(entry.discardedAt.getTime() + retention) }),
    }));
  }

  /** Brings an entry back; the caller holds the object's lock. Resolves to what it is. */
  async undiscard(name: string): Promise<TrashEntry> {
    const kept = this.#kept.get(name);
    if (kept === undefined)
      throw new ConvoyError(
        'NotFound',
        `pool ${this.#pool.name} has no trash entry ${JSON.stringify(name.slice(0, 128))}; "convoy volumes trash" lists them`,
      );
    if (this.#env.jobs.isRunning(this.#jobKey(name)))
      throw new ConvoyError('Precondition', `trash entry ${name} is being removed for good: it cannot be brought back any more`);
    // Out of the list first, so that no purge starts on it meanwhile.
    this.#kept.delete(name);
    try {
      await this.#need().undiscard(kept.entry);
    } catch (error) {
      this.#kept.set(name, kept);
      throw error;
    }
    return kept.entry;
  }

  find(name: string): TrashEntry | undefined {
    return this.#kept.get(name)?.entry;
  }

  #need(): NonNullable<ConvoyDriver['operations']['trash']> {
    const { trash } = this.#driver.operations;
    if (trash === undefined) throw new ConvoyError('NotSupported', `driver ${this.#driver.name()} has no trash`);
    return trash;
  }

  #policy(): { retention: number; retain: boolean } {
    return { retention: this.#pool.config.trashRetentionMs, retain: this.#pool.config.onDelete === 'retain' };
  }

  async #keep(entry: TrashEntry, purge: boolean): Promise<void> {
    let name = '';
    let sizeBytes = 0n;
    try {
      const text = await this.#need().readTrashRecord(entry);
      const record = text === undefined ? undefined : decodeRecord(entry.kind, entry.id, text);
      name = record?.name ?? '';
      sizeBytes = BigInt(record?.size ?? 0);
    } catch (error) {
      if (!isConvoyError(error)) throw error;
      this.#env.log.warn({ pool: this.#pool.name, entry: entry.entry, reason: error.message }, 'trash entry with an unreadable record');
    }
    this.#kept.set(entry.entry, { entry, name, sizeBytes, purge });
  }

  #isExpired({ entry, purge }: Kept): boolean {
    if (purge) return true;
    const { retention, retain } = this.#policy();
    return !retain && entry.discardedAt.getTime() + retention <= Date.now();
  }

  #jobKey(entry: string): string {
    return `${this.#pool.name}/trash/${entry}`;
  }

  #look(inMs: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#purgeExpired(), inMs);
    this.#timer.unref();
  }

  #purgeExpired(): void {
    if (this.#closed || this.#env.jobs.isClosing) return;
    if (this.#env.holdsDeletes()) {
      this.#look(LOOK_AGAIN_MS);
      return;
    }
    for (const kept of this.#kept.values()) {
      const key = this.#jobKey(kept.entry.entry);
      if (!this.#isExpired(kept) || this.#env.jobs.isRunning(key)) continue;
      this.#env.jobs.start({
        kind: 'purge',
        objectId: key,
        pool: this.#pool.name,
        secrets: {},
        bounded: true,
        work: (context) => this.#purge(kept, context),
      });
    }
    if (this.#kept.size > 0) this.#look(LOOK_AGAIN_MS);
  }

  /** A kill between the rename and the second look leaves what is in use in the trash. */
  async #refuseIfHeld({ kind, id }: TrashEntry): Promise<void> {
    const uses = kind === 'volume' ? await heldElsewhere(this.#env, this.#pool, id as LocalVolumeId) : [];
    if (uses.length > 0) throw new ConvoyError('InUse', `volume ${this.#pool.id(id as LocalVolumeId)} is in use (${uses.join(', ')})`);
  }

  async #purge(kept: Kept, context: Parameters<NonNullable<ConvoyDriver['operations']['trash']>['purge']>[1]): Promise<void> {
    step('purge.started');
    try {
      await this.#refuseIfHeld(kept.entry);
      await this.#need().purge(kept.entry, context);
      this.#kept.delete(kept.entry.entry);
    } catch (error) {
      this.#env.log.warn(
        { pool: this.#pool.name, entry: kept.entry.entry, reason: error instanceof Error ? error.message : String(error) },
        'trash entry not removed; tried again later',
      );
      throw error;
    }
  }
}
