import { createHash } from 'node:crypto';
import type { Consistency, FormatGate, RecordOperations } from '../convoy/contract.ts';
import { ConvoyError } from '../convoy/errors.ts';
import type { LocalSnapshotId, LocalVolumeId, ObjectKind } from '../convoy/ids.ts';
import type { FsType } from '../system/api.ts';
import type { ObjectState, VolumeSource, VolumeUse } from './api.ts';

/**
 * The records of volumes and snapshots: one small JSON text each, kept by the driver's record store beside the data.
 * `{"checksum": sha256 of body, "body": {"version": 1, …}}`. A record of a newer version is refused, not rewritten; a damaged
 * one damages one object.
 */
export const RECORD_VERSION = 1;

export interface VolumeRecord {
  readonly version: number;
  readonly kind: 'volume';
  readonly id: LocalVolumeId;
  readonly name: string;
  readonly state: ObjectState;
  /** Decimal bytes: JSON has no bigint. */
  readonly size: string;
  readonly createdAt: string;
  readonly use: VolumeUse;
  /** File system that is made on first stage, or is there. Absent for directories and raw volumes. */
  readonly fsType?: FsType;
  readonly format: FormatGate['state'];
  readonly thin: boolean;
  readonly consistency: Consistency;
  readonly source?: VolumeSource;
  /** createVolume options that a retry must repeat, as their typed values. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly driverParameters: Readonly<Record<string, string>>;
}

export interface SnapshotRecord {
  readonly version: number;
  readonly kind: 'snapshot';
  readonly id: LocalSnapshotId;
  readonly name: string;
  readonly state: ObjectState;
  /** CSI id of the volume it was cut from. */
  readonly sourceVolumeId: string;
  readonly volume: LocalVolumeId;
  readonly size: string;
  /** The instant of the cut once `ready`. */
  readonly createdAt: string;
  readonly use: VolumeUse;
  readonly fsType?: FsType;
  readonly format: FormatGate['state'];
  readonly consistency: Consistency;
}
export type RecordOf<K extends ObjectKind> = K extends 'volume' ? VolumeRecord : SnapshotRecord;

export type ReadRecord<K extends ObjectKind> =
  | { readonly kind: 'found'; readonly record: RecordOf<K> }
  | { readonly kind: 'absent' }
  | { readonly kind: 'damaged'; readonly error: ConvoyError };

export function encodeRecord(record: VolumeRecord | SnapshotRecord): string {
  return `${JSON.stringify({ checksum: checksum(record), body: record }, undefined, 1)}\n`;
}

/** Throws DataLoss for a damaged text, Unavailable for one of a newer version. */
export function decodeRecord<K extends ObjectKind>(kind: K, id: string, text: string): RecordOf<K> {
  const damaged = (why: string): ConvoyError =>
    new ConvoyError(
      'DataLoss',
      `the record of ${kind} ${id} is damaged (${why}): its data is untouched; see docs/troubleshooting.md, "record is damaged"`,
    );
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw damaged('no JSON');
  }
  const { checksum: sum, body } = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as { checksum?: unknown; body?: unknown };
  if (typeof body !== 'object' || body === null) throw damaged('no body');
  const record = body as RecordOf<K>;
  if (typeof record.version === 'number' && record.version > RECORD_VERSION)
    throw new ConvoyError(
      'Unavailable',
      `the record of ${kind} ${id} has version ${record.version}, this program knows ${RECORD_VERSION}: use the newer convoy that wrote it`,
    );
  if (sum !== checksum(body)) throw damaged('wrong checksum');
  if (record.kind !== kind || record.id !== id || record.version !== RECORD_VERSION) throw damaged('it belongs to another object');
  return record;
}

/** Reads, writes and updates the records of one pool. Updates of one record are queued, so that none is lost. */
export class RecordBook {
  readonly #store: RecordOperations;
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(store: RecordOperations) {
    this.#store = store;
  }

  /** Absent is undefined; damaged or newer throws. */
  async find<K extends ObjectKind>(kind: K, id: string): Promise<RecordOf<K> | undefined> {
    const text = await this.#store.readRecord(kind, id);
    return text === undefined ? undefined : decodeRecord(kind, id, text);
  }

  async read<K extends ObjectKind>(kind: K, id: string): Promise<ReadRecord<K>> {
    try {
      const record = await this.find(kind, id);
      return record === undefined ? { kind: 'absent' } : { kind: 'found', record };
    } catch (error) {
      if (error instanceof ConvoyError) return { kind: 'damaged', error };
      throw error;
    }
  }

  async write(record: VolumeRecord | SnapshotRecord): Promise<void> {
    await this.#queued(record, () => this.#store.writeRecord(record.kind, record.id, encodeRecord(record)));
  }

  /** Read, change, write as one step; NotFound when it went away. */
  async update<K extends ObjectKind>(kind: K, id: string, change: (record: RecordOf<K>) => RecordOf<K>): Promise<RecordOf<K>> {
    return this.#queued({ kind, id }, async () => {
      const record = await this.find(kind, id);
      if (record === undefined) throw new ConvoyError('NotFound', `${kind} ${id} does not exist`);
      const changed = change(record);
      await this.#store.writeRecord(kind, id, encodeRecord(changed));
      return changed;
    });
  }

  async remove(kind: ObjectKind, id: string): Promise<void> {
    await this.#queued({ kind, id }, () => this.#store.removeRecord(kind, id));
  }

  async list(kind: ObjectKind): Promise<readonly string[]> {
    return this.#store.listRecords(kind);
  }

  async #queued<T>(of: { kind: ObjectKind; id: string }, work: () => Promise<T>): Promise<T> {
    const key = `${of.kind}/${of.id}`;
    const before = this.#queues.get(key) ?? Promise.resolve();
    const run = before.then(work, work);
    const settled = run.then(
      () => undefined,
      () => undefined,
    );
    this.#queues.set(key, settled);
    try {
      return await run;
    } finally {
      if (this.#queues.get(key) === settled) this.#queues.delete(key);
    }
  }
}

/** Over the canonical JSON: keys in sorted order at every level, so that a rewrite by hand of equal content still counts. */
function checksum(body: unknown): string {
  return createHash('sha256').update(canonical(body)).digest('hex');
}

export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(',')}}`;
}
