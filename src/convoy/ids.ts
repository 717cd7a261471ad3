import { createHash } from 'node:crypto';
import { ConvoyError, invalid } from './errors.ts';

/**
 * Names and ids (docs/architecture.md, "Names and ids").
 *
 * A CSI name is hostile Unicode and is never a path. Everything that reaches storage is a *local id*: `v` or `s`
 * and 32 hex digits of the name's SHA-256, so that a retry finds its own first try. A CSI id is
 * `<pool>.<node key or "global">.<local id>`; it routes without a lookup and survives in a PersistentVolume.
 */
export type ObjectKind = 'volume' | 'snapshot';

declare const brand: unique symbol;
/** A driver's own id of a volume: `v` + 32 hex digits. Safe as a file name, device name or tag. */
export type LocalVolumeId = string & { readonly [brand]: 'volume' };
/** A driver's own id of a snapshot: `s` + 32 hex digits. */
export type LocalSnapshotId = string & { readonly [brand]: 'snapshot' };
export type LocalId = LocalVolumeId | LocalSnapshotId;
export type LocalIdOf<K extends ObjectKind> = K extends 'volume' ? LocalVolumeId : LocalSnapshotId;

export interface ParsedId<K extends ObjectKind = ObjectKind> {
  readonly kind: K;
  readonly pool: string;
  /** 16 hex digits of the owning node's name, or `global`. */
  readonly node: string;
  readonly local: LocalIdOf<K>;
}

const LETTER = { volume: 'v', snapshot: 's' } as const satisfies Record<ObjectKind, string>;
const LOCAL = /^([vs])[0-9a-f]{32}$/;
const ID = /^([a-z][a-z0-9-]{0,19})\.([0-9a-f]{16}|global)\.([vs][0-9a-f]{32})$/;
const POOL = /^[a-z][a-z0-9-]{0,19}$/;
/** What CSI forbids in a name: control characters but TAB, LF and CR (spec.md, "Size Limits"). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the rule is about control characters
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const isPoolName = (name: string): boolean => POOL.test(name) && name !== 'global';

/** 16 hex digits that stand for a node name in ids. */
export const nodeKey = (nodeName: string): string => sha256(nodeName).slice(0, 16);

/** The local id that belongs to a CSI name. The kind is part of the hash, so a volume and a snapshot never share one. */
export function localId<K extends ObjectKind>(kind: K, name: string): LocalIdOf<K> {
  return (LETTER[kind] + sha256(`${kind}\0${name}`).slice(0, 32)) as LocalIdOf<K>;
}

export const isLocalId = (text: string, kind: ObjectKind): boolean => LOCAL.exec(text)?.[1] === LETTER[kind];

/** Parses a local id read back from storage (a directory entry, a tag); undefined when it is none. */
export function parseLocalId<K extends ObjectKind>(text: string, kind: K): LocalIdOf<K> | undefined {
  return isLocalId(text, kind) ? (text as LocalIdOf<K>) : undefined;
}

export function formatId(pool: string, node: string, local: LocalId): string {
  return `${pool}.${node}.${local}`;
}

/**
 * The one strict parser of CSI ids. What does not parse, or names another kind, was never handed out by us:
 * the caller treats `undefined` as "does not exist" and touches nothing.
 */
export function parseId<K extends ObjectKind>(text: string, kind: K): ParsedId<K> | undefined {
  const [, pool, node, local] = ID.exec(text) ?? [];
  if (pool === undefined || node === undefined || local === undefined || pool === 'global') return undefined;
  const parsed = parseLocalId(local, kind);
  return parsed === undefined ? undefined : { kind, pool, node, local: parsed };
}

/**
 * A CSI name: 1 to 128 bytes of UTF-8 without control characters other than TAB, LF and CR.
 * Throws InvalidArgument naming `field`.
 */
export function checkName(field: string, name: string): string {
  if (name === '') throw invalid(`${field} is required`);
  const bytes = Buffer.byteLength(name);
  if (bytes > 128) throw invalid(`${field} has ${bytes} bytes of UTF-8; allowed are 1 to 128`);
  if (FORBIDDEN.test(name))
    throw invalid(`${field} holds a control character; allowed are all but U+0000-0008, 000B, 000C, 000E-001F and 007F-009F`);
  return name;
}

/** Guards every driver call: an id that is no local id is a defect or an attack and touches nothing. */
export function assertLocalId(id: string, kind: ObjectKind): void {
  if (!isLocalId(id, kind)) throw new ConvoyError('NotFound', `${kind} ${JSON.stringify(id.slice(0, 64))} does not exist`);
}
