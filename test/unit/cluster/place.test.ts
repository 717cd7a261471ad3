import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KnownNode, type PlaceRequest, place } from '../../../src/cluster/place.ts';
import { nodeKey } from '../../../src/convoy/ids.ts';

const LONG = 'n'.repeat(64);

type Facts = Partial<Omit<KnownNode, 'key' | 'name'>>;
const open = new Map([['fast', { open: true, reason: '' }]]);
const known = (name: string, facts: Facts = {}): [string, KnownNode] => [
  nodeKey(name),
  { key: nodeKey(name), name, pools: open, reason: '', serving: true, ...facts },
];
const gone = (...names: string[]) => new Map(names.map((nodeName) => [nodeKey(nodeName), { nodeName, since: 0 }]));

interface Case {
  readonly what: string;
  readonly nodes: readonly [string, KnownNode][];
  readonly gone?: readonly string[];
  readonly request?: Partial<PlaceRequest>;
  /** Names in order; `?` = silent, `!` = silent and skippable. */
  readonly candidates: readonly string[];
  readonly passedOver?: RegExp[];
}

const CASES: readonly Case[] = [
  {
    what: 'the order of the requirement is kept',
    nodes: [known('a'), known('b')],
    request: { required: ['b', 'a'] },
    candidates: ['b', 'a'],
  },
  {
    what: 'nodes that the requirement leaves out are none',
    nodes: [known('a'), known('b')],
    request: { required: ['b'] },
    candidates: ['b'],
  },
  { what: 'a node stands once', nodes: [known('a'), known('b')], request: { required: ['a', 'b', 'a'] }, candidates: ['a', 'b'] },
  // Only a name that no label can hold is told by its key.
  {
    what: 'a key in the place of a name is a name',
    nodes: [known('a')],
    request: { required: [nodeKey('a')] },
    candidates: [`${nodeKey('a')}!`],
  },
  {
    what: 'a name that no label can hold comes as its key',
    nodes: [known(LONG)],
    request: { required: [nodeKey(LONG)] },
    candidates: [LONG],
  },
  {
    what: 'a gone node is passed over',
    nodes: [known('a'), known('b')],
    gone: ['a'],
    request: { required: ['a', 'b'] },
    candidates: ['b'],
    passedOver: [/node a was declared gone/],
  },
  {
    what: 'a gone node that is known no more is passed over',
    nodes: [known('b')],
    gone: [LONG],
    request: { required: [nodeKey(LONG), 'b'] },
    candidates: ['b'],
    passedOver: [/node n+ was declared gone/],
  },
  {
    what: 'a node without the pool is passed over',
    nodes: [known('a', { pools: new Map([['slow', { open: true, reason: '' }]]) }), known('b')],
    request: { required: ['a', 'b'] },
    candidates: ['b'],
    passedOver: [/node a has no pool fast \(it has slow\)/],
  },
  {
    what: 'a node that is not connected stays, silent',
    nodes: [known('a', { pools: undefined, reason: 'refused' }), known('b')],
    request: { required: ['a', 'b'] },
    candidates: ['a?', 'b'],
  },
  {
    what: 'a node that is not connected and does not serve may be skipped',
    nodes: [known('a', { pools: undefined, serving: false }), known('b')],
    request: { required: ['a', 'b'] },
    candidates: ['a!', 'b'],
  },
  {
    what: 'nobody says whether a node of a static list serves',
    nodes: [known('a', { pools: undefined, serving: undefined })],
    request: { required: ['a'] },
    candidates: ['a?'],
  },
  {
    what: 'a node whose pool is not open stays, silent',
    nodes: [known('a', { pools: new Map([['fast', { open: false, reason: 'no disk' }]]) })],
    request: { required: ['a'] },
    candidates: ['a?'],
  },
  {
    what: 'a node without an agent stays, and may be skipped',
    nodes: [known('b')],
    request: { required: ['x', 'b'] },
    candidates: ['x!', 'b'],
  },
  {
    what: 'a copy goes where its data is',
    nodes: [known('a'), known('b')],
    request: { required: ['a', 'b'], at: nodeKey('b') },
    candidates: ['b'],
  },
  {
    what: 'a copy of a node that is not known',
    nodes: [known('a')],
    request: { at: nodeKey('b') },
    candidates: [`with key ${nodeKey('b')}!`],
  },
];

for (const each of CASES) {
  test(each.what, () => {
    const request = { name: 'v', pool: 'fast', required: undefined, ...each.request };
    const { candidates, passedOver } = place(request, new Map(each.nodes), gone(...(each.gone ?? [])));
    const shown = candidates.map(({ name, silent, skippable }) => `${name}${silent === undefined ? '' : skippable ? '!' : '?'}`);
    assert.deepEqual(shown, each.candidates);
    const expected = each.passedOver ?? [];
    assert.equal(passedOver.length, expected.length);
    for (const [index, pattern] of expected.entries()) assert.match(passedOver[index] ?? '', pattern);
  });
}

test('without a requirement all nodes will do, in an order of the name: the same on each try, another for another name', () => {
  const nodes = new Map(Array.from({ length: 20 }, (_, index) => known(`node-${index}`)));
  const order = (name: string): string[] =>
    place({ name, pool: 'fast', required: undefined }, nodes, gone()).candidates.map(({ name }) => name);
  assert.deepEqual(order('a'), order('a'));
  assert.deepEqual(new Set(order('a')), new Set([...nodes.values()].map(({ name }) => name)));
  const firsts = new Set(Array.from({ length: 100 }, (_, index) => order(`pvc-${index}`)[0]));
  assert.ok(firsts.size > 10, `100 names begin at ${firsts.size} of 20 nodes`);
});
