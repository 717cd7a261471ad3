import { readFile } from 'node:fs/promises';
import { ConvoyError, fromErrno, isErrno } from '../convoy/errors.ts';
import type { GoneNode, GoneNodes } from './api.ts';

/** Of the system layer: temporary file, fsync, rename, fsync of the directory. */
export type WriteDurable = (path: string, text: string) => Promise<void>;

const VERSION = 1;

/** The nodes that an admin declared gone, in one small file. What it says is never guessed: a damaged one is Unavailable. */
export async function openGoneNodesFile(path: string, writeDurable: WriteDurable): Promise<GoneNodes> {
  let nodes = await read(path);
  let last: Promise<unknown> = Promise.resolve();
  // One after the other: each writes the whole file.
  const change = (how: (before: readonly GoneNode[]) => readonly GoneNode[]): Promise<void> => {
    const turn = last.then(async () => {
      const after = how(nodes);
      if (after === nodes) return;
      try {
        await writeDurable(path, `${JSON.stringify({ version: VERSION, nodes: after })}\n`);
      } catch (error) {
        throw fromErrno(error, `writing ${path}`);
      }
      nodes = after;
    });
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    list: () => nodes,
    add: (node) => change((before) => (before.some(({ nodeName }) => nodeName === node.nodeName) ? before : [...before, node])),
    remove: (name) =>
      change((before) => (before.some(({ nodeName }) => nodeName === name) ? before.filter(({ nodeName }) => nodeName !== name) : before)),
  };
}

async function read(path: string): Promise<readonly GoneNode[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw fromErrno(error, `reading ${path}`);
  }
  const nodes = parse(text);
  if (nodes !== undefined) return nodes;
  throw new ConvoyError(
    'Unavailable',
    `${path} is damaged or of a newer version: it says which nodes were declared gone; mend it, or remove it and declare them again (convoy node forget)`,
  );
}

/** Undefined: not what was written here. */
function parse(text: string): readonly GoneNode[] | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { version, nodes } = (found ?? {}) as { readonly version?: unknown; readonly nodes?: unknown };
  return version === VERSION && Array.isArray(nodes) && nodes.every(isGoneNode) ? nodes : undefined;
}

function isGoneNode(value: unknown): value is GoneNode {
  const { nodeName, nodeUid, since } = (value ?? {}) as Partial<Record<keyof GoneNode, unknown>>;
  return typeof nodeName === 'string' && (nodeUid === undefined || typeof nodeUid === 'string') && typeof since === 'number';
}
