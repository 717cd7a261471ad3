import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeKey } from '../../../src/convoy/ids.ts';
import {
  accessibleTopology,
  requiredNodes,
  requisiteTerms,
  segmentOf,
  topologyOfNode,
  whereAt,
  whereOf,
} from '../../../src/csi/topology.ts';

const DRIVER = 'csi.example.org';
const KEY = 'csi.example.org/node';
const ZONE = 'topology.kubernetes.io/zone';
type Term = { segments: Record<string, string> };
const at = (node: string, more: Record<string, string> = {}): Term => ({ segments: { [KEY]: node, ...more } });
const elsewhere = { segments: { [ZONE]: 'z' } };
const nodes = (requisite: Term[], preferred: Term[] = []): readonly string[] | undefined => requiredNodes(DRIVER, { requisite, preferred });
/** Keys that mean something to objects; JSON makes them plain ones, as the wire does. */
const hostile = (value: string): Term => ({
  segments: JSON.parse(`{"__proto__":"${value}","constructor":"${value}","toString":"${value}"}`) as Record<string, string>,
});

test('a node name that a label can hold is its own segment; another one is its key', () => {
  for (const name of ['node-1', 'ip-10-0-0-1.ec2.internal', 'A_b', 'x'.repeat(63)]) assert.equal(segmentOf(name), name);
  for (const name of ['x'.repeat(64), '-a', 'a.', '', 'ä', 'a b']) assert.equal(segmentOf(name), nodeKey(name));
});

test('preferred nodes come first, each once, and those that are not requisite not at all', () => {
  assert.deepEqual(nodes([at('a'), at('b'), at('c')], [at('c'), at('x'), at('a')]), ['c', 'a', 'b']);
});

test('without requisite terms, or with one of no keys at all, anywhere will do', () => {
  for (const requirement of [
    null,
    { requisite: [], preferred: [] },
    { requisite: [], preferred: [at('a')] },
    { requisite: [at('a'), { segments: {} }], preferred: [] },
  ]) {
    assert.equal(requiredNodes(DRIVER, requirement), undefined);
    assert.equal(requisiteTerms(requirement), undefined);
    assert.deepEqual(whereOf(DRIVER, requirement), {});
  }
});

test('a term of other keys alone is met by no node, and is a term all the same', () => {
  assert.deepEqual(nodes([at('a'), elsewhere]), ['a']);
  assert.deepEqual(nodes([elsewhere]), []);
  assert.deepEqual(whereOf(DRIVER, { requisite: [elsewhere], preferred: [] }), { nodes: [], terms: [elsewhere.segments] });
});

test('of a term with several keys ours counts for nodes, and all of them for pools that say where they are', () => {
  const both = at('a', { [ZONE]: 'z' });
  assert.deepEqual(nodes([both]), ['a']);
  assert.deepEqual(requisiteTerms({ requisite: [both, elsewhere], preferred: [at('x')] }), [both.segments, elsewhere.segments]);
});

test('one place is a term, and a node where it has our key', () => {
  assert.deepEqual(whereAt(DRIVER, null), {});
  assert.deepEqual(whereAt(DRIVER, { segments: {} }), {});
  assert.deepEqual(whereAt(DRIVER, at('a')), { nodes: ['a'], terms: [{ [KEY]: 'a' }] });
  assert.deepEqual(whereAt(DRIVER, elsewhere), { terms: [{ [ZONE]: 'z' }] });
});

test('what is on a node has its term, what states segments has these, and what is reachable from everywhere none', () => {
  assert.deepEqual(accessibleTopology(DRIVER, { node: 'a' }), [at('a')]);
  assert.deepEqual(accessibleTopology(DRIVER, { segments: { [ZONE]: 'z', rack: '7' } }), [{ segments: { [ZONE]: 'z', rack: '7' } }]);
  assert.deepEqual(accessibleTopology(DRIVER, {}), []);
});

test('a node tells its other keys beside ours, which no other value can take', () => {
  assert.deepEqual(topologyOfNode(DRIVER, 'a', {}), at('a'));
  assert.deepEqual(topologyOfNode(DRIVER, 'a', { [ZONE]: 'z' }), at('a', { [ZONE]: 'z' }));
  assert.deepEqual(topologyOfNode(DRIVER, 'a', { [KEY]: 'b' }), at('a'));
});

test('keys that mean something to objects are keys like others', () => {
  const term = hostile('x');
  assert.deepEqual(nodes([term]), []);
  assert.deepEqual(Object.keys(requisiteTerms({ requisite: [term], preferred: [] })?.[0] ?? {}), ['__proto__', 'constructor', 'toString']);
  assert.deepEqual(whereAt('__proto__', term).nodes, undefined);
  assert.deepEqual(accessibleTopology(DRIVER, term), [term]);
  assert.equal(({} as Record<string, unknown>)['x'], undefined);
});

test('a hundred thousand terms take no longer than they must', () => {
  const many = Array.from({ length: 100_000 }, (_, index) => at(`n${index}`));
  assert.equal(nodes(many, many)?.length, 100_000);
  // Term by term against all others it would take minutes.
});
