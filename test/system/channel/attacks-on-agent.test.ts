import assert from 'node:assert/strict';
import { hasSubscribers } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect as http2 } from 'node:http2';
import { connect } from 'node:net';
import { before, describe, test } from 'node:test';
import { FORWARDED } from '../../../src/channel/api.ts';
import type { KeyPair } from '../../../src/channel/certificates.ts';
import { CODE_TRAILER } from '../../../src/convoy/names.ts';
import { csiDefinitions } from '../../../src/csi/definitions.ts';
import { callAs, handshake, shows, TLS_1_2 } from './peers.ts';
import { addressOf, deleteWithSecret, fakePools, get, HOUR_MS, keyPair, Scene, until } from './rig.ts';

/** Whoever is not the controller gets nothing from an agent, and the agent says so. */
describe('an agent', () => {
  let controller: KeyPair;
  before(async () => {
    controller = await keyPair('client');
  });

  test('refuses a caller without a certificate', async () => {
    await using scene = new Scene();
    const address = addressOf(await scene.startAgent([controller]));
    const seen = await handshake(address, {});
    assert.equal(seen.session, undefined, 'the handshake must not have ended well');
    await scene.agent.sawOnly('no_certificate');
  });

  test('refuses a certificate that it does not know, and serves no call with it', async () => {
    await using scene = new Scene();
    const deleted: string[] = [];
    const pools = fakePools({ deleteVolume: async (id) => ({ keptAs: String(deleted.push(id)) }) });
    const address = addressOf(await scene.startAgent([controller], { pools }));
    // Of the same name and purpose: only the key is another.
    const [attest, forwarded] = await callAs(address, await keyPair('client'), [
      ['Attest', {}],
      ['DeleteVolume', deleteWithSecret],
    ]);
    assert.equal(attest?.code, 'UNAVAILABLE');
    assert.equal(forwarded?.code, 'UNAVAILABLE');
    assert.deepEqual(deleted, []);
    const line = await scene.agent.sawOnly('untrusted_certificate');
    assert.match(String(line.fields['fingerprint']), /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  });

  test('refuses its own server certificate in the hands of a client', async () => {
    await using scene = new Scene();
    const server = await keyPair('server');
    const files = { certificateFile: scene.file('tls.crt', server.certificate), keyFile: scene.file('tls.key', server.key) };
    // Trusted by mistake even: its purpose is still another.
    const address = addressOf(await scene.startAgent([controller, server], { identity: { kind: 'files', ...files } }));
    await handshake(address, shows(server));
    assert.match((await scene.agent.sawOnly('untrusted_certificate')).message, /a server's, not a controller's/);
  });

  for (const [what, change] of [
    ['has expired', { notBefore: Date.now() - 2 * HOUR_MS, notAfter: Date.now() - HOUR_MS }],
    ['is not valid yet', { notBefore: Date.now() + HOUR_MS, notAfter: Date.now() + 2 * HOUR_MS }],
  ] as const)
    test(`refuses a controller whose certificate ${what}, and names the clocks`, async () => {
      await using scene = new Scene();
      const odd = await keyPair('client', change);
      const agent = await scene.startAgent([controller, odd]);
      await handshake(addressOf(agent), shows(odd));
      assert.match((await scene.agent.sawOnly('expired_certificate')).message, /clocks/);
      assert.deepEqual(agent.problems(), [], 'another controller is still let in');
    });

  test('is not ready when no trusted certificate is valid by its clock', async () => {
    await using scene = new Scene();
    const agent = await scene.startAgent([
      await keyPair('client', { notBefore: Date.now() + HOUR_MS, notAfter: Date.now() + 2 * HOUR_MS }),
    ]);
    assert.match(agent.problems().join(), /controller\.crt is not valid before .* clocks is wrong/);
  });

  test('refuses TLS 1.2', async () => {
    await using scene = new Scene();
    const address = addressOf(await scene.startAgent([controller]));
    const seen = await handshake(address, { ...TLS_1_2, ...shows(controller) });
    assert.equal(seen.error, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    assert.match((await scene.agent.sawOnly('handshake')).message, /TLS 1\.3 handshake: unsupported protocol/);
  });

  test('refuses another protocol than HTTP/2', async () => {
    await using scene = new Scene();
    await handshake(addressOf(await scene.startAgent([controller])), { ...shows(controller), ALPNProtocols: [] });
    await scene.agent.sawOnly('handshake');
  });

  test('refuses what is no TLS, and a connection that is cut off', async () => {
    await using scene = new Scene();
    const { host, port } = addressOf(await scene.startAgent([controller]));
    const socket = connect(port, host);
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await scene.agent.sawOnly('handshake');
    socket.destroy();
    const silent = connect(port, host, () => silent.destroy());
    await until(() => scene.agent.refusals.length === 2, 'the second refusal');
    // Counted, but not logged again: the same kind from the same peer.
    await scene.agent.sawOnly('handshake');
  });

  test('lets nobody in, not even by the authorities of the world, until it has the certificate of a controller', async () => {
    await using scene = new Scene();
    const agent = await scene.startAgent([]);
    assert.match(agent.problems().join(), /holds no certificate of a controller yet/);
    const seen = await handshake(addressOf(agent), shows(controller));
    assert.equal(seen.certificate, '');
    scene.file('controller.crt', controller.certificate);
    await until(() => agent.problems().length === 0, 'readiness');
    assert.deepEqual(
      (await callAs(addressOf(agent), controller, [['Attest', {}]])).map(({ code }) => code),
      ['OK'],
    );
  });

  test('resumes no session: it would outlive the trust in its certificate', async () => {
    await using scene = new Scene();
    const address = addressOf(await scene.startAgent([controller]));
    const first = await handshake(address, shows(controller));
    assert.ok(first.session, 'OpenSSL offers one all the same');
    const again = await handshake(address, { ...shows(controller), session: first.session });
    assert.notEqual(again.certificate, '');
    assert.equal(again.reused, false);
  });

  test('serves nothing before Attest, and logs no secret that came too early', async () => {
    await using scene = new Scene();
    const deleted: string[] = [];
    const pools = fakePools({ deleteVolume: async (id) => ({ keptAs: String(deleted.push(id)) }) });
    const address = addressOf(await scene.startAgent([controller], { pools }));
    const answers = await callAs(address, controller, [
      ['DeleteVolume', deleteWithSecret],
      ['Describe', {}],
      ['Attest', {}],
      ['DeleteVolume', deleteWithSecret],
    ]);
    assert.deepEqual(
      answers.map(({ code }) => code),
      ['FAILED_PRECONDITION', 'FAILED_PRECONDITION', 'OK', 'OK'],
    );
    assert.match(answers[0]?.details ?? '', /DeleteVolume came before Attest/);
    assert.deepEqual(answers[0]?.metadata.get(CODE_TRAILER), ['Precondition']);
    assert.deepEqual(deleted, [get.volumeId]);
    await scene.agent.sawOnly('not_attested');
    assert.equal(scene.agent.refusals.length, 2);
  });

  test('asks for Attest on every connection', async () => {
    await using scene = new Scene();
    const address = addressOf(await scene.startAgent([controller]));
    await callAs(address, controller, [['Attest', {}]]);
    const [answer] = await callAs(address, controller, [['ControllerGetVolume', get]]);
    assert.equal(answer?.code, 'FAILED_PRECONDITION');
    await scene.agent.sawOnly('not_attested');
  });

  test('refuses calls that are meant for another node, or for none', async () => {
    await using scene = new Scene();
    const address = addressOf(await scene.startAgent([controller]));
    for (const node of ['0123456789abcdef', '']) {
      const [answer] = await callAs(address, controller, [['Attest', {}]], node);
      assert.equal(answer?.code, 'UNAVAILABLE');
      assert.match(answer.details, /its address was given to another node/);
      assert.deepEqual(answer.metadata.get(CODE_TRAILER), ['Unavailable']);
    }
    await scene.agent.sawOnly('wrong_node');
  });

  test('serves no RPC off the list, of whichever service', async () => {
    await using scene = new Scene();
    const address = addressOf(await scene.startAgent([controller]));
    const listed: readonly string[] = FORWARDED;
    const off = [csiDefinitions.Identity, csiDefinitions.Controller, csiDefinitions.Node]
      .flatMap((definition) => Object.keys(definition))
      .filter((rpc) => !listed.includes(rpc));
    for (const rpc of ['NodeStageVolume', 'NodePublishVolume', 'ControllerModifyVolume', 'ControllerPublishVolume', 'Probe'])
      assert.ok(off.includes(rpc), rpc);
    const [attested, ...answers] = await callAs(address, controller, [['Attest', {}], ...off.map((rpc) => [rpc, {}] as const)]);
    assert.equal(attested?.code, 'OK');
    for (const [index, { code, details }] of answers.entries()) {
      assert.notEqual(code, 'OK');
      assert.match(details, new RegExp(`^${off[index]} is not served over the network: permitted are CreateVolume,`));
    }
    await scene.agent.sawOnly('rpc_not_allowed');
    assert.equal(scene.agent.refusals.length, off.length);
  });

  test('refuses what no service of its has: counted each time, logged once a minute, and harmless', async () => {
    await using scene = new Scene();
    const address = addressOf(await scene.startAgent([controller]));
    const long = `/csi.v1.Controller/${'x'.repeat(4000)}`;
    const paths = ['/made.up.Service/Info', '/csi.v1.Controller/MadeUp', '/convoy.agent.v0.Agent/MadeUp', '/', long];
    for (const [attest, count] of [
      [[], paths.length],
      [[['Attest', {}]], 2 * paths.length],
    ] as const) {
      const answers = await callAs(address, controller, [...attest, ...paths.map((path) => [path, {}] as const)]);
      assert.deepEqual(
        answers.slice(attest.length).map(({ code }) => code),
        paths.map(() => 'UNIMPLEMENTED'),
      );
      assert.equal(scene.agent.refusals.length, count);
    }
    const line = await scene.agent.sawOnly('rpc_not_allowed');
    assert.equal(line.fields['method'], '/made.up.Service/Info');
    assert.match(line.message, /no service here has this RPC/);
  });

  test('logs no more than the beginning of a name that somebody made up', async () => {
    await using scene = new Scene();
    const address = addressOf(await scene.startAgent([controller]));
    await callAs(address, controller, [[`/made.up.Service/${'x'.repeat(4000)}`, {}]]);
    assert.equal(String((await scene.agent.sawOnly('rpc_not_allowed')).fields['method']).length, 120);
  });

  test('refuses HTTP/2 that is no gRPC, of a path that it serves even', async () => {
    await using scene = new Scene();
    const address = addressOf(await scene.startAgent([controller]));
    const session = http2(`https://${address.host}:${address.port}`, { ...shows(controller), rejectUnauthorized: false });
    scene.later(() => session.destroy());
    const request = session.request({ ':method': 'POST', ':path': '/csi.v1.Controller/DeleteVolume', 'content-type': 'text/plain' });
    const [headers] = await once(request.end().resume(), 'response');
    assert.equal(headers[':status'], 415);
    assert.match((await scene.agent.sawOnly('rpc_not_allowed')).message, /it is no gRPC/);
  });

  test('counts only what came to itself, and watches no stream once it has stopped', async () => {
    await using scene = new Scene();
    await using other = new Scene();
    const first = await scene.startAgent([controller]);
    const second = await other.startAgent([controller]);
    const made = [['/made.up.Service/Info', {}]] as const;
    await callAs(addressOf(second), controller, made);
    assert.deepEqual([scene.agent.refusals, other.agent.refusals], [[], ['rpc_not_allowed']]);
    await second.stop(100);
    await callAs(addressOf(first), controller, made);
    assert.deepEqual([scene.agent.refusals, other.agent.refusals], [['rpc_not_allowed'], ['rpc_not_allowed']]);
    await first.stop(100);
    assert.equal(hasSubscribers('http2.server.stream.start'), false);
  });

  test('lets go of handshakes that do not get on, and of too many from one address', async () => {
    await using scene = new Scene();
    const address = addressOf(await scene.startAgent([controller]));
    const idle = Array.from({ length: 20 }, () => connect(address.port, address.host));
    let cut = 0;
    for (const socket of idle) {
      socket.on('error', () => {});
      socket.once('close', () => {
        cut += 1;
      });
    }
    await until(() => cut === 12, 'the end of all but eight');
    for (const socket of idle) socket.destroy();
    await until(() => scene.agent.refusals.length === 8, 'the refusal of the others');
    assert.deepEqual(
      (await callAs(address, controller, [['Attest', {}]])).map(({ code }) => code),
      ['OK'],
    );
  });
});
