import { ConvoyError } from '../convoy/errors.ts';
import type { PageRequest } from '../pool/api.ts';
import { mapBounded } from './bounded.ts';

/** Entries of one node from a token of its own; '' = from the start, or no more. */
export interface Part<E> {
  readonly entries: readonly E[];
  readonly nextToken: string;
}
export type Ask<E> = (key: string, page: PageRequest) => Promise<Part<E>>;

export interface PageOptions {
  /** In order: of all nodes that must answer. */
  readonly keys: readonly string[];
  /** A node that was declared gone between two pages is passed over, and not an unknown one. */
  readonly isGone: (key: string) => boolean;
  readonly page: PageRequest;
}

/** Nodes that are asked together. */
const WINDOW = 16;
/** Entries that one of them is asked for: of nodes that are asked together more is thrown away. */
const PART = 1024;
/** spec.md, "Size Limits". */
const TOKEN_BYTES = 128;
const TOKEN = /^([0-9a-f]{16}|global)\/([a-z0-9.-]*)$/;

/**
 * One page over many nodes, ordered by node key and then as each node orders its own. The token is the node where the next page
 * begins and that node's own token: a cursor by value. A node that does not answer fails the page: never a shorter list.
 */
export async function pageOver<E>({ keys, isGone, page }: PageOptions, ask: Ask<E>): Promise<Part<E>> {
  const from = parseToken(page.startingToken);
  if (from !== undefined && !keys.includes(from.key) && !isGone(from.key))
    throw stale(page.startingToken, `which names a node that is known no more (key ${from.key})`);
  const rest = from === undefined ? keys : keys.filter((key) => key >= from.key);
  const entries: E[] = [];
  for (let at = 0; at < rest.length; at += WINDOW) {
    const window = rest.slice(at, at + WINDOW).map((key) => ({ key, token: key === from?.key ? from.token : '' }));
    const nextToken = await fill(ask, window, rest.slice(at + WINDOW), page.maxEntries, entries);
    if (nextToken !== undefined) return { entries, nextToken };
  }
  return { entries, nextToken: '' };
}

/** Adds what the nodes of a window have, in their order. Returns the page's token once the page is full. */
async function fill<E>(
  ask: Ask<E>,
  window: readonly { readonly key: string; readonly token: string }[],
  later: readonly string[],
  maxEntries: number,
  entries: E[],
): Promise<string | undefined> {
  const most = Math.min(maxEntries - entries.length, PART);
  const parts = await mapBounded(window, WINDOW, ({ key, token }) => askFor(ask, key, token, most));
  for (const [index, { key, token }] of window.entries()) {
    const left = await drain(ask, key, token, parts[index], maxEntries - entries.length, entries);
    if (left !== '') return format(key, left);
    if (entries.length < maxEntries) continue;
    const ahead = parts.findIndex((part, at) => at > index && part.entries.length > 0);
    const next = ahead === -1 ? await firstWithMore(ask, later) : window[ahead]?.key;
    return next === undefined ? '' : format(next, '');
  }
  return undefined;
}

/** Adds all that a node has from `token` on, as far as there is room. Returns its token for the rest; '' = no more. */
async function drain<E>(ask: Ask<E>, key: string, token: string, first: Part<E> | undefined, room: number, entries: E[]): Promise<string> {
  // More than there is room for by now: the node is asked again, since its tokens are its own to make.
  let part = first === undefined || first.entries.length > room ? await askFor(ask, key, token, room) : first;
  let left = room - part.entries.length;
  entries.push(...part.entries);
  while (part.nextToken !== '' && left > 0) {
    part = await askFor(ask, key, part.nextToken, Math.min(left, PART));
    left -= part.entries.length;
    entries.push(...part.entries);
  }
  return part.nextToken;
}

/** The first node that has anything. One that does not say may have: the next page fails on it, not this one. */
async function firstWithMore<E>(ask: Ask<E>, keys: readonly string[]): Promise<string | undefined> {
  for (let at = 0; at < keys.length; at += WINDOW) {
    const window = keys.slice(at, at + WINDOW);
    const has = await mapBounded(window, WINDOW, async (key) => {
      try {
        const part = await askFor(ask, key, '', 1);
        return part.entries.length > 0;
      } catch {
        return true;
      }
    });
    const found = window[has.indexOf(true)];
    if (found !== undefined) return found;
  }
  return undefined;
}

async function askFor<E>(ask: Ask<E>, key: string, startingToken: string, maxEntries: number): Promise<Part<E>> {
  const part = await ask(key, { maxEntries, startingToken });
  if (part.entries.length > maxEntries)
    throw new ConvoyError(
      'Internal',
      `the agent of node key ${key} answered ${part.entries.length} entries where ${maxEntries} were asked for`,
    );
  // It would be asked for the same again and again.
  if (part.nextToken !== '' && (part.nextToken === startingToken || part.entries.length === 0))
    throw new ConvoyError('Internal', `the agent of node key ${key} answered a page that does not go on`);
  return part;
}

function parseToken(token: string): { readonly key: string; readonly token: string } | undefined {
  if (token === '') return undefined;
  const [, key, own] = TOKEN.exec(token) ?? [];
  if (key === undefined || own === undefined || token.length > TOKEN_BYTES) throw stale(token, 'which was not handed out by this driver');
  return { key, token: own };
}

function format(key: string, own: string): string {
  const token = `${key}/${own}`;
  if (token.length > TOKEN_BYTES || !TOKEN.test(token))
    throw new ConvoyError('Internal', `the agent of node key ${key} handed out the token ${JSON.stringify(own.slice(0, 128))}`);
  return token;
}

const stale = (token: string, why: string): ConvoyError =>
  new ConvoyError('StaleToken', `starting_token is ${JSON.stringify(token.slice(0, 128))}, ${why}: start again without one`);
