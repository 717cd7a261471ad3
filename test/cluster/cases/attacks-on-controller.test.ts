import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Refusal } from '../../../src/channel/api.ts';
import type { KeyPair } from '../../../src/channel/certificates.ts';
import { TestAuthority } from '../../support/test-authority.ts';
import { type RogueOptions, startRogue } from '../../system/channel/peers.ts';
import { HOUR_MS, keyPair, Scene } from '../../system/channel/rig.ts';
import { MACHINE_ADDRESS } from '../rig/paths.ts';
import { agentPod, controllerPod, convoy, storageClass } from './lib/driver.ts';
import { isRefused, logOf } from './lib/refusals.ts';
import { expiredToken, forgedToken, madeUpUid, pretend, stopPretending, token } from './lib/rogue-agent.ts';
import { CLASSES, Space } from './lib/space.ts';

/**
 * Something else answers where the controller looks for the agent of a node. It holds every token that can be had but the one
 * of that agent, and is never asked or told anything but who it is.
 */
const space = await Space.open('attacks-on-controller');
const { api } = space;
const [node = '', other = ''] = space.cluster.nodes.map(({ name }) => name);
const CLASS = `attacked-on-${node}`;
let controller = '';
let agent = '';
let certificate: KeyPair;
let attacks = 0;

before(async () => {
  [controller, agent] = await Promise.all([controllerPod(api), agentPod(api, node)]);
  certificate = await keyPair('server');
  await space.outside(CLASSES, storageClass(CLASS, { pool: 'default' }, { nodes: [node] }));
});

after(async () => {
  await stopPretending(space);
  await space.close();
});

interface Attack {
  readonly reason: Refusal;
  readonly pair?: KeyPair;
  readonly rogue?: RogueOptions;
  /** Default: it is asked who it is. */
  readonly calls?: readonly string[];
}

/** All that reached the rogue, by RPC. The controller's message. */
async function attack({ reason, pair = certificate, rogue = {}, calls = ['Attest'] }: Attack): Promise<string> {
  await using scene = new Scene();
  const server = await startRogue(scene, pair, { nodeName: node, host: MACHINE_ADDRESS, ...rogue });
  attacks += 1;
  const { message } = await isRefused(space, {
    pod: controller,
    reason,
    peer: server.address,
    attack: () => pretend(space, { node, address: server.address, podUid: madeUpUid(attacks) }),
  });
  assert.deepEqual([...new Set(server.calls)], calls);
  assert.match(message, new RegExp(`${MACHINE_ADDRESS}.*${node}|${node}.*${MACHINE_ADDRESS}`));
  const given = rogue.token ?? '';
  assert.ok(given === '' || !(await logOf(api, controller)).includes(given), 'the token is in the log');
  return message;
}

test('a certificate of another authority, of another purpose, and one that has expired', async () => {
  await using scene = new Scene();
  const files = new TestAuthority(scene.folder).sign(node, 'server');
  const ofAuthority = { key: readFileSync(files.keyFile, 'utf8'), certificate: readFileSync(files.certificateFile, 'utf8') };
  assert.match(await attack({ reason: 'untrusted_certificate', pair: ofAuthority, calls: [] }), /was issued by somebody else/);
  assert.match(await attack({ reason: 'untrusted_certificate', pair: await keyPair('client'), calls: [] }), /serverAuth/);
  const old = await keyPair('server', { notBefore: Date.now() - 2 * HOUR_MS, notAfter: Date.now() - HOUR_MS });
  assert.match(await attack({ reason: 'expired_certificate', pair: old, calls: [] }), /has expired at .*clock/);
});

test('another certificate than a moment before', async () => {
  await using scene = new Scene();
  const pairs = [certificate, await keyPair('server')];
  const server = await startRogue(scene, certificate, {
    nodeName: node,
    host: MACHINE_ADDRESS,
    // Each handshake sees another one than the last.
    shaken: () => server.show(pairs.reverse()[0] ?? certificate),
  });
  attacks += 1;
  await isRefused(space, {
    pod: controller,
    reason: 'changed_certificate',
    peer: server.address,
    attack: () => pretend(space, { node, address: server.address, podUid: madeUpUid(attacks) }),
  });
  assert.deepEqual(server.calls, []);
});

test('the token of another audience, of another service account, of another pod, and of no pod', async () => {
  const elsewhere = await token(api, { audience: 'another.example.org', pod: agent });
  assert.match(await attack({ reason: 'token_audience', rogue: { token: elsewhere } }), /another\.example\.org/);
  const account = await token(api, { account: 'default' });
  assert.match(await attack({ reason: 'token_account', rogue: { token: account } }), /serviceaccount:convoy-csi:default/);
  const otherPod = await token(api, { pod: agent });
  assert.match(await attack({ reason: 'token_pod', rogue: { token: otherPod } }), /but the EndpointSlice names pod/);
  assert.match(await attack({ reason: 'token_pod', rogue: { token: await token(api, {}) } }), /bound to no pod/);
});

test("the token of another node's agent, and that agent itself", async () => {
  const stolen = await token(api, { pod: await agentPod(api, other) });
  assert.match(await attack({ reason: 'wrong_node', rogue: { token: stolen } }), new RegExp(`runs on node "${other}"`));
  assert.match(await attack({ reason: 'wrong_node', rogue: { token: stolen, nodeName: other } }), new RegExp(`of node "${other}"`));
});

test('an expired token, a forged one, garbage, and none', async () => {
  assert.match(await attack({ reason: 'token_expired', rogue: { token: await expiredToken(api, agent) } }), /has expired/);
  assert.match(await attack({ reason: 'token_invalid', rogue: { token: await forgedToken(api, agent) } }), /did not issue/);
  assert.match(await attack({ reason: 'token_invalid', rogue: { token: 'no.token.atall' } }), /did not issue/);
  assert.match(await attack({ reason: 'token_invalid', rogue: { token: '' } }), /gave no token/);
});

test('a volume that is wanted meanwhile is made once the real agent is back', async () => {
  await using scene = new Scene();
  const server = await startRogue(scene, certificate, { nodeName: node, host: MACHINE_ADDRESS, token: await token(api, { pod: agent }) });
  attacks += 1;
  await isRefused(space, {
    pod: controller,
    reason: 'token_pod',
    peer: server.address,
    attack: () => pretend(space, { node, address: server.address, podUid: madeUpUid(attacks) }),
  });
  await space.claim('wanted', { storageClass: CLASS });
  await space.event('wanted', new RegExp(`node ${node} .*cannot be reached: .*EndpointSlice names pod`));
  assert.deepEqual([...new Set(server.calls)], ['Attest']);
  await stopPretending(space);
  await space.bound('wanted');
  const nodes = (await convoy(space, controller, 'node', 'list')) as readonly { readonly name: string; readonly state: string }[];
  assert.deepEqual([...new Set(nodes.map(({ state }) => state))], ['connected']);
});
