import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { KeyPair } from '../../../src/channel/certificates.ts';
import { createDialer } from '../../../src/channel/dialer.ts';
import { fileClientIdentity } from '../../../src/channel/key-files.ts';
import { failsWith } from '../pool/faulty-pools.ts';
import { type Authority, makeAuthority } from './authority.ts';
import { type RogueAgent, startRogue } from './peers.ts';
import { addressOf, get, inTime, keyPair, NODE, refusedFor, Scene, soon, until } from './rig.ts';

describe('certificates from files', () => {
  let authority: Authority;
  let controller: KeyPair;
  before(async () => {
    authority = await makeAuthority();
    controller = await authority.issue('client');
  });

  /** The controller's files, and a dialer that reads them. */
  const dialerOf = (scene: Scene): ReturnType<Scene['dialer']> => {
    const identity = fileClientIdentity({
      certificateFile: scene.file('client.crt', controller.certificate),
      keyFile: scene.file('client.key', controller.key),
      agentCaFile: scene.file('agents.crt', authority.certificate),
    });
    return createDialer({ identity, log: scene.controller.log, refused: scene.controller.refused });
  };

  const startAgent = (scene: Scene, pair: KeyPair): ReturnType<Scene['startAgent']> => {
    const files = { certificateFile: scene.file('tls.crt', pair.certificate), keyFile: scene.file('tls.key', pair.key) };
    return scene.startAgent([{ certificate: authority.certificate, key: '' }], { identity: { kind: 'files', ...files } });
  };

  test('prove agent and controller to each other, without a token', async () => {
    await using scene = new Scene();
    const agent = await startAgent(scene, await authority.issue('server'));
    const channel = await dialerOf(scene).dial(addressOf(agent), soon);
    assert.deepEqual(channel.agent, { nodeName: NODE });
    assert.equal((await channel.call('ControllerGetVolume', get, inTime())).volume?.volumeId, get.volumeId);
    assert.deepEqual([scene.agent.refusals, scene.controller.refusals], [[], []]);
    // Another authority is added: whom the old one vouches for stays.
    const trusted = join(scene.folder, 'controller.crt');
    scene.file('controller.crt', authority.certificate + (await makeAuthority()).certificate);
    const read = (): boolean => scene.agent.lines.filter(({ message }) => /have changed/.test(message)).length === 2;
    await until(read, `another reading of ${trusted}`);
    assert.equal(channel.usable, true);
    channel.close();
  });

  test('of another node are refused', async () => {
    await using scene = new Scene();
    const rogue = await startRogue(scene, await authority.issue('server', ['node-2', '*']));
    await assert.rejects(dialerOf(scene).dial(addressOf(rogue), soon), refusedFor('wrong_node', 'DNS:node-2', 'DNS:node-1'));
    assert.deepEqual(rogue.calls, []);
    await scene.controller.sawOnly('wrong_node');
  });

  test('are not exchanged for those of another node once they were read', async () => {
    await using scene = new Scene();
    const other = await authority.issue('server', ['node-2']);
    const rogue: RogueAgent = await startRogue(scene, await authority.issue('server'), { shaken: () => rogue.show(other) });
    await assert.rejects(dialerOf(scene).dial(addressOf(rogue), soon), refusedFor('changed_certificate', 'a moment before'));
    assert.deepEqual(rogue.calls, []);
    await scene.controller.sawOnly('changed_certificate');
  });

  test('of another authority are refused, and those of none', async () => {
    await using scene = new Scene();
    for (const pair of [await (await makeAuthority()).issue('server'), await keyPair('server')]) {
      const rogue = await startRogue(scene, pair);
      await assert.rejects(dialerOf(scene).dial(addressOf(rogue), soon), refusedFor('untrusted_certificate', 'agentCaFile'));
      assert.deepEqual(rogue.calls, []);
    }
    assert.deepEqual(scene.controller.refusals, ['untrusted_certificate', 'untrusted_certificate']);
  });

  test("of an agent that should have made its own are refused: the world's authorities know no nodes", async () => {
    await using scene = new Scene();
    const rogue = await startRogue(scene, await authority.issue('server'));
    await assert.rejects(scene.dialer(controller).dial(addressOf(rogue), soon), refusedFor('untrusted_certificate', 'CN=an authority'));
    assert.deepEqual(rogue.calls, []);
    await scene.controller.sawOnly('untrusted_certificate');
  });

  test('are refused by the agent when they are of another authority', async () => {
    await using scene = new Scene();
    const agent = await startAgent(scene, await authority.issue('server'));
    const stranger = await (await makeAuthority()).issue('client');
    const dialer = scene.dialer(stranger, { identity: { current: async () => ({ ...stranger, agentAuthority: authority.certificate }) } });
    await assert.rejects(dialer.dial(addressOf(agent), soon), refusedFor('untrusted_certificate'));
    await scene.agent.sawOnly('untrusted_certificate');
  });

  test('that are of no use are told by their file', async () => {
    await using scene = new Scene();
    const dialer = dialerOf(scene);
    const old = await keyPair('server', { names: ['node-2'], notAfter: Date.now() - 1000 });
    const agent = await startAgent(scene, old);
    assert.match(agent.problems().join('\n'), /tls\.crt has expired .*clock[\s\S]*tls\.crt does not name this node: .*DNS:node-1/);
    await assert.rejects(dialer.dial(addressOf(agent), soon), refusedFor('expired_certificate', 'clock'));
    scene.file('client.key', 'no key');
    await assert.rejects(dialer.dial(addressOf(agent), soon), failsWith('Unavailable', 'client.key', 'no private key'));
    scene.file('client.key', old.key);
    await assert.rejects(dialer.dial(addressOf(agent), soon), failsWith('Unavailable', 'client.key', 'is not that of'));
    scene.file('client.crt', old.certificate);
    await assert.rejects(dialer.dial(addressOf(agent), soon), failsWith('Unavailable', 'client.crt', 'clientAuth'));
    scene.file('client.crt', controller.certificate);
    scene.file('client.key', controller.key);
    scene.file('agents.crt', '');
    await assert.rejects(dialer.dial(addressOf(agent), soon), failsWith('Unavailable', 'agents.crt holds no certificate'));
  });
});
