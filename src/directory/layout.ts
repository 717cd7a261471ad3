import { join, sep } from 'node:path';
import { ConvoyError } from '../convoy/errors.ts';
import { assertLocalId, type LocalId, nodeKey, type ObjectKind, parseLocalId } from '../convoy/ids.ts';

/** Proof that this directory is a pool, and which: text of the pool layer's. Locked by the process that manages the pool. */
export const MARKER = '.convoy-pool.json';
export const RECORD = 'record.json';
/** Name under `import/` that the data came from, written before it is taken: a create that is given up puts it back. */
export const ADOPTED_FROM = 'adopted-from';
/** Name under `import/` that the data goes to, written before it is moved: a repeated delete gives the same answer. */
export const KEPT_AS = 'kept-as';

/** What the record of a trash entry is called from the moment that its destruction begins: it cannot be brought back any more. */
export const PURGED = 'record.purged.json';

const FOLDER = { volume: 'volumes', snapshot: 'snapshots' } as const satisfies Record<ObjectKind, string>;
const LETTER = { volume: 'v', snapshot: 's' } as const satisfies Record<ObjectKind, string>;
const TRASH = 'trash';
const IMPORT = 'import';
/** Made with the pool. */
export const FOLDERS = [FOLDER.volume, FOLDER.snapshot, TRASH, IMPORT] as const;
/** Made when it is first needed: pools of one host have none. */
export const HOLDERS = 'holders';
const NODE_KEY = /^[0-9a-f]{16}$/;

export interface ParsedTrashName {
  readonly kind: ObjectKind;
  readonly id: LocalId;
  readonly discardedAt: Date;
}

/**
 * Where things are below a pool's root. Object and record share one directory, so that they live and die together:
 *
 *     .convoy-pool.json
 *     volumes/<local id>/{record.json, data, data.partial}
 *     snapshots/<local id>/…
 *     trash/<milliseconds>-<random>-<kind letter>-<local id>/…
 *     import/<name>
 *     holders/<local volume id>/<node key>
 *
 * What is under `holders` is of many hosts, each of which writes the files of its own key; all else is of who manages the pool.
 * Pure: nothing here touches the disk. Every path made from an id or a name is proven to be inside the root.
 */
export class Layout {
  readonly root: string;
  /** What an object's bytes are called: `data` (a directory) or `image` (a file). */
  readonly dataName: string;

  constructor(root: string, dataName: string) {
    this.root = root;
    this.dataName = dataName;
  }

  marker(): string {
    return inside(this.root, MARKER);
  }
  folder(kind: ObjectKind): string {
    return inside(this.root, FOLDER[kind]);
  }
  trash(): string {
    return inside(this.root, TRASH);
  }
  imports(): string {
    return inside(this.root, IMPORT);
  }

  /** The object's own directory. NotFound for what is no local id. */
  place(kind: ObjectKind, id: string): string {
    assertLocalId(id, kind);
    return inside(this.folder(kind), id);
  }
  record(kind: ObjectKind, id: string): string {
    return inside(this.place(kind, id), RECORD);
  }
  data(kind: ObjectKind, id: string): string {
    return inside(this.place(kind, id), this.dataName);
  }
  /** Where data is filled before it is renamed to its own name. Nothing reads it. */
  partial(kind: ObjectKind, id: string): string {
    return inside(this.place(kind, id), `${this.dataName}.partial`);
  }
  note(id: string, note: typeof ADOPTED_FROM | typeof KEPT_AS): string {
    return inside(this.place('volume', id), note);
  }

  holders(): string {
    return inside(this.root, HOLDERS);
  }
  /** Where the nodes that hold a volume are noted; not in its own directory, which a delete may move away at any moment. */
  holdersOf(id: string): string {
    assertLocalId(id, 'volume');
    return inside(this.holders(), id);
  }
  /** The note of one node, whose name may be no file name. */
  holder(id: string, node: string): string {
    return inside(this.holdersOf(id), nodeKey(node));
  }

  trashEntry(entry: string): string {
    if (parseTrashName(entry) === undefined)
      throw new ConvoyError('NotFound', `trash entry ${JSON.stringify(entry.slice(0, 100))} does not exist`);
    return inside(this.trash(), entry);
  }

  /** InvalidArgument for a name that is not one harmless path component. */
  imported(name: string): string {
    if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(name))
      throw new ConvoyError(
        'InvalidArgument',
        `VolumeDriverID is ${JSON.stringify(name.slice(0, 128))}; allowed is the name of one entry of ${this.imports()}, of letters, digits, ".", "_" and "-"`,
      );
    return inside(this.imports(), name);
  }
}

/** Sorts by time of discarding as text: milliseconds in 15 digits. */
export function formatTrashName(kind: ObjectKind, id: string, discardedAt: Date, unique: string): string {
  return `${String(discardedAt.getTime()).padStart(15, '0')}-${unique}-${LETTER[kind]}-${id}`;
}

/** undefined for what we did not put there. */
export function parseTrashName(entry: string): ParsedTrashName | undefined {
  const [, time, letter, text] = /^(\d{15})-[0-9a-f]{8}-([vs])-([vs][0-9a-f]{32})$/.exec(entry) ?? [];
  if (time === undefined || text === undefined) return undefined;
  const kind: ObjectKind = letter === LETTER.volume ? 'volume' : 'snapshot';
  const id = parseLocalId(text, kind);
  const discardedAt = new Date(Number(time));
  return id === undefined || Number.isNaN(discardedAt.getTime()) ? undefined : { kind, id, discardedAt };
}

export const isNodeKey = (name: string): boolean => NODE_KEY.test(name);
/** What a killed `Files.writeDurable` leaves beside a file. */
export const unfinished = (name: string): string => `.${name}.tmp`;

/** `base/name`, where `name` is proven to be one path component. */
function inside(base: string, name: string): string {
  const path = join(base, name);
  const lead = base.endsWith(sep) ? base : base + sep;
  if (name === '' || name.includes('/') || name.includes('\0') || path !== lead + name)
    throw new ConvoyError('Internal', `path component ${JSON.stringify(name.slice(0, 100))} leads out of ${base}`);
  return path;
}
