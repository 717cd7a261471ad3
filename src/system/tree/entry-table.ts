import { hash, randomBytes } from 'node:crypto';
import type { FileState } from '../libc.ts';

/** Identifies an entry by its place: made from the key of its directory and its name. */
export type EntryKey = Buffer;

/** What is remembered of an entry: whether its state was provable when it was read, and a digest of it. */
export interface EntryRecord {
  readonly digest: bigint;
  /** False for a state so fresh that a change could hide behind it. */
  readonly trusted: boolean;
}

const INITIAL = 1 << 12;
const MAX_LOAD = 0.6;
const USED = 1;
const TRUSTED = 2;

/**
 * State of every entry that a copy has read, in some 40 bytes each whatever the length of its path: a million entries
 * must not need a gigabyte. Keys and digests are cut from SHA-256 with a secret of this run, so that a tenant cannot
 * make two of his files, or two states of one, look the same.
 */
export class EntryTable {
  readonly #secret = randomBytes(16);
  #capacity = INITIAL;
  #count = 0;
  #keys = new BigUint64Array(INITIAL);
  #digests = new BigUint64Array(INITIAL);
  #flags = new Uint8Array(INITIAL);

  rootKey(): EntryKey {
    return this.#hash(Buffer.from('root')).subarray(0, 16);
  }

  keyOf(parent: EntryKey, name: Buffer): EntryKey {
    return this.#hash(Buffer.concat([parent, name])).subarray(0, 16);
  }

  /** Type, inode, size and change time: whatever is done to a file moves one of them. */
  digestOf(state: FileState): bigint {
    const bytes = Buffer.alloc(48);
    bytes.writeUInt32LE(state.mode, 0);
    bytes.writeUInt32LE(state.devMinor, 4);
    bytes.writeUInt32LE(state.devMajor, 8);
    bytes.writeUInt32LE(state.nlink, 12);
    bytes.writeBigUInt64LE(state.ino, 16);
    bytes.writeBigUInt64LE(state.size, 24);
    bytes.writeBigInt64LE(state.ctimeNs, 32);
    bytes.writeBigInt64LE(state.mtimeNs, 40);
    return this.#hash(bytes).readBigUInt64LE(0);
  }

  get(key: EntryKey): EntryRecord | undefined {
    const at = this.#slot(key.readBigUInt64LE(0));
    const flags = this.#flags[at] ?? 0;
    return (flags & USED) === 0 ? undefined : { digest: this.#digests[at] ?? 0n, trusted: (flags & TRUSTED) !== 0 };
  }

  set(key: EntryKey, record: EntryRecord): void {
    if (this.#count >= this.#capacity * MAX_LOAD) this.#grow();
    this.#put(key.readBigUInt64LE(0), record.digest, USED | (record.trusted ? TRUSTED : 0));
  }

  #put(key: bigint, digest: bigint, flags: number): void {
    const at = this.#slot(key);
    if (((this.#flags[at] ?? 0) & USED) === 0) this.#count++;
    this.#keys[at] = key;
    this.#digests[at] = digest;
    this.#flags[at] = flags;
  }

  /** Linear probing: the slot that holds the key, or the first free one. */
  #slot(key: bigint): number {
    let at = Number(key & BigInt(this.#capacity - 1));
    while (((this.#flags[at] ?? 0) & USED) !== 0 && this.#keys[at] !== key) at = (at + 1) % this.#capacity;
    return at;
  }

  #grow(): void {
    const [keys, digests, flags] = [this.#keys, this.#digests, this.#flags];
    this.#capacity *= 2;
    this.#count = 0;
    this.#keys = new BigUint64Array(this.#capacity);
    this.#digests = new BigUint64Array(this.#capacity);
    this.#flags = new Uint8Array(this.#capacity);
    for (let at = 0; at < flags.length; at++)
      if (((flags[at] ?? 0) & USED) !== 0) this.#put(keys[at] ?? 0n, digests[at] ?? 0n, flags[at] ?? 0);
  }

  #hash(bytes: Buffer): Buffer {
    return hash('sha256', Buffer.concat([this.#secret, bytes]), 'buffer');
  }
}
