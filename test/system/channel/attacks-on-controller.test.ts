import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { PinnedChannel } from '../../../src/channel/agent-channel.ts';
import type { Attestor, Refusal } from '../../../src/channel/api.ts';
import type { KeyPair } from '../../../src/channel/certificates.ts';
import { createDialer } from '../../../src/channel/dialer.ts';
import { RefusedError, UnreachableError } from '../../../src/channel/errors.ts';
import { startRogue } from './peers.ts';
import {
  addressOf,
  attestorFor,
  deleteWithSecret,
  HOUR_MS,
  identityOf,
  inTime,
  keyPair,
  refusedFor,
  Scene,
  soon,
  TOKEN,
  until,
} from './rig.ts';

/** Whatever answers at an agent's address is told nothing until it is proven to be that agent. */
describe('a controller', () => {
  let controller: KeyPair;
  let agentPair: KeyPair;
  before(async () => {
    [controller, agentPair] = await Promise.all([keyPair('client'), keyPair('server')]);
  });

  for (const reason of ['token_audience', 'token_account', 'token_pod', 'token_expired', 'token_invalid'] satisfies Refusal[])
    test(`tells nothing to an agent whose token is refused for ${reason}`, async () => {
      await using scene = new Scene();
      const rogue = await startRogue(scene, agentPair);
      const reviewed: unknown[] = [];
      const attestor: Attestor = {
        attest: async (token, address) => {
          reviewed.push(token, address.podUid);
          throw new RefusedError(reason, `the token of node ${address.nodeName} is refused`);
        },
      };
      await assert.rejects(scene.dialer(controller, { attestor }).dial(addressOf(rogue), soon), refusedFor(reason));
      assert.deepEqual(reviewed, [TOKEN, 'pod-1']);
      assert.deepEqual(rogue.calls, ['Attest']);
      const line = await scene.controller.sawOnly(reason);
      assert.equal(line.fields['node'], 'node-1');
    });

  test('refuses an agent without a token, and asks nobody about it', async () => {
    await using scene = new Scene();
    const rogue = await startRogue(scene, agentPair, { token: '' });
    const attestor = attestorFor();
    await assert.rejects(scene.dialer(controller, { attestor }).dial(addressOf(rogue), soon), refusedFor('token_invalid', 'gave no token'));
    assert.deepEqual(attestor.tokens, []);
    await scene.controller.sawOnly('token_invalid');
  });

  test('refuses the agent of another node at the address, by what it says', async () => {
    await using scene = new Scene();
    const rogue = await startRogue(scene, agentPair, { nodeName: 'node-2' });
    const attestor = attestorFor();
    const dialled = scene.dialer(controller, { attestor }).dial(addressOf(rogue), soon);
    await assert.rejects(dialled, refusedFor('wrong_node', 'node-1', 'says that it is that of node "node-2"'));
    assert.deepEqual(attestor.tokens, []);
    assert.deepEqual(rogue.calls, ['Attest']);
    await scene.controller.sawOnly('wrong_node');
  });

  test('refuses the agent of another node at the address, by what its token says', async () => {
    await using scene = new Scene();
    const rogue = await startRogue(scene, agentPair);
    const attestor = attestorFor({ nodeName: 'node-2' });
    await assert.rejects(scene.dialer(controller, { attestor }).dial(addressOf(rogue), soon), refusedFor('wrong_node', 'node-2'));
    assert.deepEqual(rogue.calls, ['Attest']);
    await scene.controller.sawOnly('wrong_node');
  });

  test('is told by a real agent that another node is meant', async () => {
    await using scene = new Scene();
    const agent = await scene.startAgent([controller]);
    const dialled = scene.dialer(controller).dial(addressOf(agent, { nodeName: 'node-2' }), soon);
    await assert.rejects(dialled, refusedFor('wrong_node', 'node-2', 'this is node-1'));
    await scene.controller.sawOnly('wrong_node');
    await scene.agent.sawOnly('wrong_node');
  });

  for (const [what, change] of [
    ['has expired', { notBefore: Date.now() - 2 * HOUR_MS, notAfter: Date.now() - HOUR_MS }],
    ['is not valid yet', { notBefore: Date.now() + HOUR_MS, notAfter: Date.now() + 2 * HOUR_MS }],
  ] as const)
    test(`refuses an agent whose certificate ${what}, and names the clocks`, async () => {
      await using scene = new Scene();
      const rogue = await startRogue(scene, await keyPair('server', change));
      await assert.rejects(scene.dialer(controller).dial(addressOf(rogue), soon), refusedFor('expired_certificate', /node-1 .*clock/));
      assert.deepEqual(rogue.calls, []);
      await scene.controller.sawOnly('expired_certificate');
    });

  test('refuses a client certificate that is used as a server', async () => {
    await using scene = new Scene();
    const rogue = await startRogue(scene, controller);
    await assert.rejects(scene.dialer(controller).dial(addressOf(rogue), soon), refusedFor('untrusted_certificate', 'serverAuth'));
    assert.deepEqual(rogue.calls, []);
    await scene.controller.sawOnly('untrusted_certificate');
  });

  test('refuses an agent that speaks TLS 1.2', async () => {
    await using scene = new Scene();
    const rogue = await startRogue(scene, agentPair, { tls: { maxVersion: 'TLSv1.2' } });
    await assert.rejects(scene.dialer(controller).dial(addressOf(rogue), soon), refusedFor('handshake', 'TLS 1.3'));
    assert.deepEqual(rogue.calls, []);
    await scene.controller.sawOnly('handshake');
  });

  test('refuses an agent that changes its certificate once it was read', async () => {
    await using scene = new Scene();
    const other = await keyPair('server');
    let handshakes = 0;
    const shaken = (): void => {
      handshakes += 1;
      if (handshakes === 1) rogue.show(other);
    };
    const rogue = await startRogue(scene, agentPair, { shaken });
    await assert.rejects(scene.dialer(controller).dial(addressOf(rogue), soon), refusedFor('changed_certificate', 'a moment before'));
    assert.deepEqual(rogue.calls, []);
    await scene.controller.sawOnly('changed_certificate');
  });

  test('never talks over an old channel to what has taken the place of its agent', async () => {
    await using scene = new Scene();
    const agent = await startRogue(scene, agentPair);
    const address = addressOf(agent);
    const dialer = scene.dialer(controller);
    const channel = await dialer.dial(address, soon);
    assert.equal(channel.usable, true);
    await agent.stop();
    const rogue = await startRogue(scene, await keyPair('server'), { port: address.port, token: 'a token of its own' });
    await assert.rejects(channel.call('DeleteVolume', deleteWithSecret, inTime()), UnreachableError);
    assert.equal(channel.usable, false);
    assert.deepEqual(rogue.calls, []);
    await assert.rejects(dialer.dial(address, soon), refusedFor('token_invalid'));
    assert.deepEqual(rogue.calls, ['Attest']);
    await scene.controller.sawOnly('token_invalid');
  });

  test('does not connect again by itself, not even to the same certificate', async () => {
    await using scene = new Scene();
    let handshakes = 0;
    const shaken = (): void => {
      handshakes += 1;
    };
    const agent = await startRogue(scene, agentPair, { shaken });
    const address = addressOf(agent);
    const channel = await scene.dialer(controller).dial(address, soon);
    await agent.stop();
    const again = await startRogue(scene, agentPair, { port: address.port, shaken });
    await until(() => !channel.usable, 'the end of the channel');
    await assert.rejects(channel.call('DeleteVolume', deleteWithSecret, inTime()), UnreachableError);
    assert.deepEqual(again.calls, []);
    assert.equal(handshakes, 2, 'the first look and the channel');
  });

  test('has a channel that is one connection, whatever grpc-js does to keep it', async () => {
    await using scene = new Scene();
    const agent = await startRogue(scene, agentPair);
    const address = addressOf(agent);
    const pinned = new X509Certificate(agentPair.certificate);
    const channel = new PinnedChannel({ address, ip: '127.0.0.1', pinned, authority: agentPair.certificate, own: controller });
    scene.later(() => channel.close());
    await channel.raw('Attest', {}, inTime());
    await agent.stop();
    const again = await startRogue(scene, agentPair, { port: address.port });
    await until(() => !channel.connected, 'the loss of the connection');
    await assert.rejects(
      channel.raw('DeleteVolume', deleteWithSecret, inTime()),
      /the connection was lost, and is not made again by itself/,
    );
    assert.deepEqual(again.calls, []);
  });

  test('is told when the agent does not trust it', async () => {
    await using scene = new Scene();
    const agent = await scene.startAgent([await keyPair('client')]);
    await assert.rejects(scene.dialer(controller).dial(addressOf(agent), soon), refusedFor('untrusted_certificate', 'its log says why'));
    await scene.controller.sawOnly('untrusted_certificate');
    await scene.agent.sawOnly('untrusted_certificate');
  });

  test('is told when the agent trusts nobody yet', async () => {
    await using scene = new Scene();
    const agent = await scene.startAgent([]);
    await assert.rejects(scene.dialer(controller).dial(addressOf(agent), soon), refusedFor('handshake', 'see its readiness'));
  });

  test('uses a proof for an hour at most', async () => {
    await using scene = new Scene();
    let now = Date.now();
    const agent = await scene.startAgent([controller]);
    const channel = await scene.dialer(controller, { now: () => now }).dial(addressOf(agent), soon);
    now += HOUR_MS - 1;
    assert.equal(channel.usable, true);
    now += 1;
    assert.equal(channel.usable, false);
    await assert.rejects(channel.call('DeleteVolume', deleteWithSecret, inTime()), UnreachableError);
    channel.close();
  });

  test('is not made to believe an agent without any means to prove it', async () => {
    await using scene = new Scene();
    const rogue = await startRogue(scene, agentPair);
    const dialer = createDialer({ identity: identityOf(controller), log: scene.controller.log, refused: scene.controller.refused });
    await assert.rejects(dialer.dial(addressOf(rogue), soon), /nobody could prove an agent/);
    assert.deepEqual(rogue.calls, []);
  });
});
