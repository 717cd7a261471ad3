import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Ask, pageOver } from '../../../src/cluster/pages.ts';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { formatId, localId, nodeKey } from '../../../src/convoy/ids.ts';
import { failureOf, pageOf } from './fleet.ts';

type Nodes = Map<string, string[]>;

/** Nodes with so many volumes each. */
const nodesOf = (sizes: readonly number[]): Nodes =>
  new Map(
    sizes.map((size, node) => {
      const key = nodeKey(`n${node}`);
      return [key, Array.from({ length: size }, (_, index) => formatId('fast', key, localId('volume', `${node}/${index}`)))];
    }),
  );
const keysOf = (nodes: Nodes): string[] => [...nodes.keys()].sort();
const inOrder = (nodes: Nodes): string[] => keysOf(nodes).flatMap((key) => [...(nodes.get(key) ?? [])].sort());

const asking =
  (nodes: Nodes): Ask<string> =>
  async (key, page) =>
    pageOf(nodes.get(key) ?? [], page, (id) => id);

const onePage = (
  nodes: Nodes,
  maxEntries: number,
  startingToken: string,
  options: { isGone?: (key: string) => boolean; ask?: Ask<string> } = {},
) =>
  pageOver(
    { keys: keysOf(nodes), isGone: options.isGone ?? (() => false), page: { maxEntries, startingToken } },
    options.ask ?? asking(nodes),
  );

async function allPages(nodes: Nodes, maxEntries: number, between: () => void = () => undefined): Promise<string[][]> {
  const pages: string[][] = [];
  let token = '';
  do {
    const page = await onePage(nodes, maxEntries, token);
    pages.push([...page.entries]);
    token = page.nextToken;
    assert.ok(token.length <= 128, token);
    between();
  } while (token !== '');
  return pages;
}

const sizes = fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(7)), { maxLength: 40 });

describe('pages over many nodes', () => {
  test('give each entry once, in order, in pages that are full but for the last', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 9 }), async (distribution, maxEntries) => {
        const nodes = nodesOf(distribution);
        const pages = await allPages(nodes, maxEntries);
        assert.deepEqual(pages.flat(), inOrder(nodes));
        for (const page of pages.slice(0, -1)) assert.equal(page.length, maxEntries);
        const last = pages.at(-1)?.length ?? 0;
        assert.ok(last <= maxEntries);
        // A token is only given when something follows.
        if (pages.length > 1) assert.ok(last > 0);
      }),
      { numRuns: 200 },
    );
  });

  test('neither repeat nor skip what stays, while other entries go and come', async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        async (distribution, maxEntries, removals) => {
          const nodes = nodesOf(distribution);
          const doomed = new Set(removals.map((pick) => inOrder(nodes)[pick % Math.max(inOrder(nodes).length, 1)]));
          const stay = inOrder(nodes).filter((id) => !doomed.has(id));
          const pages = await allPages(nodes, maxEntries, () => {
            for (const [key, ids] of nodes)
              nodes.set(
                key,
                ids.filter((id) => !doomed.has(id)),
              );
          });
          const seen = pages.flat();
          assert.equal(new Set(seen).size, seen.length);
          assert.deepEqual(
            seen.filter((id) => !doomed.has(id)),
            stay,
          );
        },
      ),
      { numRuns: 100 },
    );
  });

  test('of a node with more than one part come whole', async () => {
    const nodes = nodesOf([1500, 1100, 3]);
    assert.deepEqual(
      (await allPages(nodes, 8192)).map((page) => page.length),
      [2603],
    );
    assert.deepEqual(
      (await allPages(nodes, 1000)).map((page) => page.length),
      [1000, 1000, 603],
    );
  });

  test('a token that was not handed out is stale', async () => {
    const nodes = nodesOf([2]);
    const [key = ''] = keysOf(nodes);
    for (const token of ['x', '7', `${key}`, `${key}/\n`, `${key}/${'a'.repeat(128)}`, `${key}/A`, `${nodeKey('unknown')}/`])
      assert.equal((await failureOf(onePage(nodes, 1, token))).code, 'StaleToken', token);
  });

  test("a node's own word on its part of the token is the answer", async () => {
    const nodes = nodesOf([2]);
    const [key = ''] = keysOf(nodes);
    const ask: Ask<string> = async () => {
      throw new ConvoyError('StaleToken', 'not mine');
    };
    assert.equal((await failureOf(onePage(nodes, 1, `${key}/old`, { ask }))).code, 'StaleToken');
  });

  test('a node that was declared gone since the page before is passed over', async () => {
    const nodes = nodesOf([2, 2, 2]);
    const [first = '', second = ''] = keysOf(nodes);
    const page = await onePage(nodes, 3, '');
    assert.ok(page.nextToken.startsWith(`${second}/`));
    nodes.delete(second);
    const rest = await onePage(nodes, 9, page.nextToken, { isGone: (key) => key === second });
    assert.deepEqual(
      rest.entries,
      inOrder(nodes).filter((id) => !id.includes(first)),
    );
  });

  test('a silent node fails the page that would have its entries, and none before', async () => {
    const nodes = nodesOf([2, 2]);
    const [, second = ''] = keysOf(nodes);
    const ask: Ask<string> = async (key, page) => {
      if (key === second) throw new ConvoyError('Unavailable', 'silent');
      return asking(nodes)(key, page);
    };
    assert.equal((await failureOf(onePage(nodes, 9, '', { ask }))).code, 'Unavailable');
    // Far behind the page, it only may have more.
    const many = nodesOf([2, ...Array.from({ length: 20 }, () => 0), 2]);
    const last = keysOf(many).at(-1) ?? '';
    const page = await onePage(many, inOrder(many).filter((id) => !id.includes(last)).length, '', {
      ask: async (key, request) => {
        if (key === last) throw new ConvoyError('Unavailable', 'silent');
        return asking(many)(key, request);
      },
    });
    assert.equal(page.nextToken, `${last}/`);
  });

  test('an agent that answers too much, or goes round in circles, is not believed', async () => {
    const nodes = nodesOf([3]);
    const all = inOrder(nodes);
    const tooMuch: Ask<string> = async () => ({ entries: all, nextToken: '' });
    assert.equal((await failureOf(onePage(nodes, 2, '', { ask: tooMuch }))).code, 'Internal');
    const round: Ask<string> = async () => ({ entries: all.slice(0, 1), nextToken: 'a' });
    assert.equal((await failureOf(onePage(nodes, 9, '', { ask: round }))).code, 'Internal');
    const long: Ask<string> = async () => ({ entries: all.slice(0, 1), nextToken: 'a'.repeat(120) });
    assert.equal((await failureOf(onePage(nodes, 1, '', { ask: long }))).code, 'Internal');
  });

  test('few nodes are asked together', async () => {
    const nodes = nodesOf(Array.from({ length: 100 }, () => 1));
    let running = 0;
    let most = 0;
    const ask: Ask<string> = async (key, page) => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running -= 1;
      return asking(nodes)(key, page);
    };
    assert.equal((await onePage(nodes, 8192, '', { ask })).entries.length, 100);
    assert.ok(most > 1 && most <= 16, `${most} at once`);
  });
});
