import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { aCall, addressOf, createRequest, cut, type Fleet, failureOf, segments, startFleet } from './fleet.ts';

/** A node that cannot be asked just now: whether it is passed over. */
const NAMES = ['a', 'b', 'c'];
const create = (fleet: Fleet, ...preferred: string[]) =>
  fleet.rpcs.CreateVolume(
    createRequest('v', { accessibilityRequirements: { requisite: segments(...NAMES), preferred: segments(...preferred) } }),
    aCall(),
  );
const creates = (fleet: Fleet): readonly number[] => fleet.nodes.map((node) => node.count('CreateVolume'));
const stopServing = (fleet: Fleet, name: string): void =>
  fleet.discovery.set(fleet.nodes.map((node) => addressOf(node, node.name === name ? { serving: false } : {})));

for (const [what, change] of [
  ['restarts', (fleet: Fleet): void => stopServing(fleet, 'a')],
  ['is replaced', (fleet: Fleet): void => fleet.discovery.set(fleet.nodes.slice(1).map((node) => addressOf(node)))],
] as const)
  test(`a node whose agent ${what} is waited for while it is ready: a pod may have been sent there`, async () => {
    using fleet = await startFleet(NAMES);
    await cut(fleet, fleet.node('a'));
    change(fleet);
    fleet.view.nodes.set('a', { uid: 'a', ready: true });
    const { code, message } = await failureOf(create(fleet, 'a', 'b'));
    assert.equal(code, 'Unavailable');
    assert.match(message, /node a/);
    assert.deepEqual(creates(fleet), [0, 0, 0]);
  });

test('outside Kubernetes nobody says that a node is down, and it is waited for', async () => {
  using fleet = await startFleet(NAMES, { outsideKubernetes: true });
  await cut(fleet, fleet.node('a'));
  stopServing(fleet, 'a');
  assert.equal((await failureOf(create(fleet, 'a', 'b'))).code, 'Unavailable');
});

test('while Kubernetes cannot be asked, a silent node is waited for', async () => {
  using fleet = await startFleet(NAMES);
  await cut(fleet, fleet.node('a'));
  stopServing(fleet, 'a');
  fleet.view.failure = new ConvoyError('Unavailable', 'the API server does not answer');
  assert.equal((await failureOf(create(fleet, 'a', 'b'))).code, 'Unavailable');
});
