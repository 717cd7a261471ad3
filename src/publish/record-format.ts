import type { AccessMode } from './api.ts';

/** One place of a volume on this host, as it was asked for. */
export interface PlaceRecord {
  readonly path: string;
  readonly kind: 'staged' | 'published' | 'mounted';
  readonly access: 'mount' | 'block';
  readonly readOnly: boolean;
  /** '' = the default was asked for, or nobody knows any more (adopted from the mount table). */
  readonly fsType: string;
  /** Hashes (mount-flags.ts); undefined = nobody knows any more. */
  readonly flags?: readonly string[];
  readonly mode?: AccessMode;
  /** What stands at the path once mounted (standing.ts); undefined = the mount may not have happened. */
  readonly identity?: string;
}

export interface NodeRecord {
  readonly volumeId: string;
  readonly places: readonly PlaceRecord[];
  /** The volume's devices are still to be released: its pool did not answer when the last use ended. */
  readonly releasePending?: boolean;
  /** There was a record, which cannot be read. Never written. */
  readonly damaged?: boolean;
}

export const placeAt = (record: NodeRecord, path: string): PlaceRecord | undefined => record.places.find((place) => place.path === path);

export function withPlace(record: NodeRecord, place: PlaceRecord): NodeRecord {
  const { damaged: _damaged, ...whole } = record;
  return { ...whole, places: [...record.places.filter((other) => other.path !== place.path), place] };
}

/** The same object when there is nothing to drop. Of a damaged record nothing is left. */
export function withoutPlace(record: NodeRecord, path: string): NodeRecord {
  if (record.damaged === true) return { volumeId: record.volumeId, places: [] };
  if (placeAt(record, path) === undefined) return record;
  return { ...record, places: record.places.filter((place) => place.path !== path) };
}

/**
 * Parses a record's text; throws when it is not whole. A record from before this boot keeps what is needed to remove
 * left-over targets, and nothing that would prove a mount: device and inode numbers start anew with every boot.
 */
export function parseNodeRecord(text: string, bootId: string): NodeRecord {
  const value: unknown = JSON.parse(text);
  if (!isObject(value) || value['version'] !== 1 || typeof value['volumeId'] !== 'string' || !Array.isArray(value['places']))
    throw new Error('not a node record of version 1');
  const places = value['places'].map(parsePlace);
  const pending = value['releasePending'] === true ? { releasePending: true } : {};
  if (value['bootId'] === bootId) return { volumeId: value['volumeId'], places, ...pending };
  return { volumeId: value['volumeId'], places: places.filter((place) => place.kind !== 'staged').map(withoutIdentity), ...pending };
}

function parsePlace(value: unknown): PlaceRecord {
  if (!isObject(value)) throw new Error('a place is not an object');
  const { path, kind, access, readOnly, fsType, flags, mode, identity } = value;
  if (typeof path !== 'string' || !path.startsWith('/')) throw new Error('a place has no path');
  if (kind !== 'staged' && kind !== 'published' && kind !== 'mounted') throw new Error('a place has an unknown kind');
  if ((access !== 'mount' && access !== 'block') || typeof readOnly !== 'boolean' || typeof fsType !== 'string')
    throw new Error('a place has unknown terms');
  return {
    path,
    kind,
    access,
    readOnly,
    fsType,
    ...(isStrings(flags) ? { flags } : {}),
    ...(isMode(mode) ? { mode } : {}),
    ...(typeof identity === 'string' ? { identity } : {}),
  };
}

function withoutIdentity({ identity: _identity, ...place }: PlaceRecord): PlaceRecord {
  return place;
}

const MODES: Readonly<Record<AccessMode, true>> = {
  SINGLE_NODE_WRITER: true,
  SINGLE_NODE_READER_ONLY: true,
  MULTI_NODE_READER_ONLY: true,
  MULTI_NODE_SINGLE_WRITER: true,
  MULTI_NODE_MULTI_WRITER: true,
  SINGLE_NODE_SINGLE_WRITER: true,
  SINGLE_NODE_MULTI_WRITER: true,
};
const isMode = (value: unknown): value is AccessMode => typeof value === 'string' && Object.hasOwn(MODES, value);
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isStrings = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((item) => typeof item === 'string');
