import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import type { AgentAddress, AgentChannel } from '../../../src/channel/api.ts';
import type { KeyPair } from '../../../src/channel/certificates.ts';
import { createDialer } from '../../../src/channel/dialer.ts';
import { aVolume } from '../../unit/csi/edge.ts';
import { shownBy, shows } from './peers.ts';
import { addressOf, fakePools, get, inTime, keyPair, NODE, refusedFor, Scene, soon, until } from './rig.ts';

describe('certificates that change', () => {
  let old: KeyPair;
  let next: KeyPair;
  before(async () => {
    [old, next] = await Promise.all([keyPair('client'), keyPair('client')]);
  });

  test("the controller's is rotated with overlap while calls go on, as the kubelet swaps a ConfigMap", async () => {
    await using scene = new Scene();
    const mounted = new Mounted(scene.folder);
    mounted.put('controller.crt', old.certificate);
    const agent = await scene.startAgent([], { controllerCertificateFile: mounted.path('controller.crt') });
    const address = addressOf(agent);
    const dialer = scene.dialer(old);
    let own = old;
    const rotating = createDialer({
      ...{ identity: { current: async () => own }, log: scene.controller.log, refused: scene.controller.refused },
      attestor: { attest: async () => ({ nodeName: NODE }) },
    });
    const first = await rotating.dial(address, soon);
    const calls = new Calling(first);

    mounted.put('controller.crt', old.certificate + next.certificate);
    // From now on the new one is used: as soon as the agent has read it.
    own = next;
    const second = await dialUntilTrusted(() => rotating.dial(address, soon));
    assert.equal(first.usable, true, 'nobody has cut the old connection');
    await (await dialer.dial(address, soon)).call('Describe', {}, inTime());

    mounted.put('controller.crt', next.certificate);
    await until(() => !first.usable, 'the end of the old connection');
    await calls.end();
    await second.call('Describe', {}, inTime());
    assert.equal(second.usable, true);
    await assert.rejects(dialer.dial(address, soon), refusedFor('untrusted_certificate'));
    assert.deepEqual([...new Set(scene.agent.refusals)], ['untrusted_certificate']);
    assert.deepEqual(agent.problems(), []);
    second.close();
  });

  test('a call that runs when its certificate is taken out of the file may end', async () => {
    await using scene = new Scene();
    const held = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const getVolume = async (): Promise<ReturnType<typeof aVolume>> => {
      begun.resolve();
      await held.promise;
      return aVolume();
    };
    const agent = await scene.startAgent([old], { pools: fakePools({ getVolume }) });
    const channel = await scene.dialer(old).dial(addressOf(agent), soon);
    const asked = channel.call('ControllerGetVolume', get, inTime());
    await begun.promise;
    scene.file('controller.crt', 'nothing');
    await until(() => !channel.usable, 'the end of the connection');
    assert.match(agent.problems().join(), /holds no certificate of a controller yet/);
    held.resolve();
    assert.equal((await asked).volume?.volumeId, get.volumeId);
  });

  test('a handshake that began before its certificate was taken out of the file comes to nothing', async () => {
    await using scene = new Scene();
    const agent = await scene.startAgent([old]);
    const held = Promise.withResolvers<void>();
    const address = await startSlowRelay(scene, addressOf(agent), held.promise);
    let heard = 0;
    const shaken = Promise.withResolvers<void>();
    const socket = connect(
      { host: address.host, port: address.port, rejectUnauthorized: false, ALPNProtocols: ['h2'], ...shows(old) },
      () => shaken.resolve(),
    );
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.length;
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await shaken.promise;
    scene.file('controller.crt', next.certificate);
    await until(() => scene.agent.lines.filter(({ message }) => /have changed/.test(message)).length === 2, 'the new trust');
    held.resolve();
    await closed;
    assert.equal(heard, 0, 'no HTTP/2 was spoken');
  });

  test("an agent's own from files is read again, and a half written one is not used", async () => {
    await using scene = new Scene();
    const [authority, stranger] = await Promise.all([keyPair('server'), keyPair('server')]);
    const identity = {
      kind: 'files',
      certificateFile: scene.file('tls.crt', authority.certificate),
      keyFile: scene.file('tls.key', authority.key),
    } as const;
    const agent = await scene.startAgent([old], { identity });
    const address = addressOf(agent);
    const shown = async (): Promise<string> => (await shownBy(address, old)).trim();
    assert.equal(await shown(), authority.certificate.trim());
    scene.file('tls.crt', stranger.certificate);
    await until(() => agent.problems().length > 0, 'the problem');
    assert.match(agent.problems().join(), /the key in .*tls\.key is not that of the certificate in .*tls\.crt/);
    assert.equal(await shown(), authority.certificate.trim());
    scene.file('tls.key', stranger.key);
    await until(() => agent.problems().length === 0, 'readiness');
    assert.equal(await shown(), stranger.certificate.trim());
  });
});

/** A folder as the kubelet mounts a ConfigMap: the file is a link through `..data`, which is swapped as a whole. */
class Mounted {
  readonly #folder: string;
  #round = 0;

  constructor(folder: string) {
    this.#folder = join(folder, 'mounted');
    mkdirSync(this.#folder);
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  put(name: string, text: string): void {
    this.#round += 1;
    const version = `..${this.#round}`;
    mkdirSync(join(this.#folder, version));
    writeFileSync(join(this.#folder, version, name), text);
    symlinkSync(version, join(this.#folder, '..data_tmp'));
    renameSync(join(this.#folder, '..data_tmp'), join(this.#folder, '..data'));
    if (this.#round === 1) symlinkSync(join('..data', name), this.path(name));
  }
}

/** One call after the other, until its connection is not usable any more. */
class Calling {
  readonly #done: Promise<number>;
  constructor(channel: AgentChannel) {
    this.#done = this.#run(channel);
  }

  async #run(channel: AgentChannel): Promise<number> {
    let count = 0;
    for (; channel.usable; count += 1) {
      try {
        await channel.call('ControllerGetVolume', get, inTime());
      } catch (error) {
        // The one that was asked while the agent said goodbye.
        if (channel.usable) throw error;
      }
    }
    return count;
  }

  /** None has failed. */
  async end(): Promise<void> {
    assert.ok((await this.#done) > 10);
  }
}

async function dialUntilTrusted(dial: () => Promise<AgentChannel>): Promise<AgentChannel> {
  for (const end = performance.now() + 20_000; ; ) {
    try {
      return await dial();
    } catch (error) {
      if (performance.now() > end) throw error;
      refusedFor('untrusted_certificate')(error);
    }
  }
}

/** Passes the caller's first words on at once, and the rest of its handshake when it is let. */
async function startSlowRelay(scene: Scene, to: AgentAddress, released: Promise<void>): Promise<AgentAddress> {
  const relay = createServer((socket) => {
    const other = connectTcp(to.port, to.host);
    socket.once('data', (hello) => {
      other.write(hello);
      socket.pause();
      void released.then(() => socket.pipe(other));
    });
    other.pipe(socket);
    for (const end of [socket, other]) end.on('error', () => {});
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  scene.later(() => relay.close());
  return { ...to, port: (relay.address() as AddressInfo).port };
}
