import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeKey } from '../../../src/convoy/ids.ts';
import { requiredNodes, segmentOf } from '../../../src/csi/topology.ts';

const KEY = 'csi.example.org/node';
const at = (node: string, more: Record<string, string> = {}): { segments: Record<string, string> } => ({
  segments: { [KEY]: node, ...more },
});
const elsewhere = { segments: { 'topology.kubernetes.io/zone': 'z' } };
const nodes = (
  requisite: { segments: Record<string, string> }[],
  preferred: { segments: Record<string, string> }[] = [],
): readonly string[] | undefined => requiredNodes('csi.example.org', { requisite, preferred });

test('a node name that a label can hold is its own segment; another one is its key', () => {
  for (const name of ['node-1', 'ip-10-0-0-1.ec2.internal', 'A_b', 'x'.repeat(63)]) assert.equal(segmentOf(name), name);
  for (const name of ['x'.repeat(64), '-a', 'a.', '', 'ä', 'a b']) assert.equal(segmentOf(name), nodeKey(name));
});

test('preferred nodes come first, each once, and those that are not requisite not at all', () => {
  assert.deepEqual(nodes([at('a'), at('b'), at('c')], [at('c'), at('x'), at('a')]), ['c', 'a', 'b']);
});

test('without requisite terms, or with one of no keys at all, anywhere will do', () => {
  assert.equal(requiredNodes('csi.example.org', null), undefined);
  assert.equal(nodes([]), undefined);
  assert.equal(nodes([], [at('a')]), undefined);
  assert.equal(nodes([at('a'), { segments: {} }]), undefined);
});

test('a term of other keys alone is met nowhere', () => {
  assert.deepEqual(nodes([at('a'), elsewhere]), ['a']);
  assert.deepEqual(nodes([elsewhere]), []);
});

test('of a term with several keys ours counts', () => {
  assert.deepEqual(nodes([at('a', { 'topology.kubernetes.io/zone': 'z' })]), ['a']);
});
