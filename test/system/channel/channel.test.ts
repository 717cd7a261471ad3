import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { before, describe, test } from 'node:test';
import type { AgentAddress } from '../../../src/channel/api.ts';
import type { KeyPair } from '../../../src/channel/certificates.ts';
import { UnreachableError } from '../../../src/channel/errors.ts';
import { ConvoyError, isConvoyError } from '../../../src/convoy/errors.ts';
import { aVolume } from '../../unit/csi/edge.ts';
import { FaultyPools, failsWith, plainly } from '../pool/faulty-pools.ts';
import {
  addressOf,
  attestorFor,
  deleteWithSecret,
  fakePools,
  get,
  inTime,
  KEY,
  keyPair,
  NODE,
  Scene,
  serviceOf,
  soon,
  until,
} from './rig.ts';

const MOUNT = [{ mount: { fsType: '' }, accessMode: { mode: 'SINGLE_NODE_WRITER' } }] as const;
const create = (name: string) => ({ name, capacityRange: { requiredBytes: 1 << 20 }, volumeCapabilities: [...MOUNT] });

describe('a controller and an agent', () => {
  const disks = new FaultyPools();
  let controller: KeyPair;
  before(async () => {
    controller = await keyPair('client');
  });

  test('create, find, list and delete volumes in a real pool', async () => {
    await using scene = new Scene();
    const pools = await disks.open();
    const agent = await scene.startAgent([controller], { pools, ...serviceOf(pools) });
    const attestor = attestorFor();
    const channel = await scene.dialer(controller, { attestor }).dial(addressOf(agent), soon);
    assert.deepEqual(channel.agent, { nodeName: NODE, nodeUid: 'uid-1' });
    assert.equal(attestor.tokens.length, 1);

    const { volume } = await channel.call('CreateVolume', create('first'), inTime());
    assert.ok(volume);
    const again = await channel.call('CreateVolume', create('first'), inTime());
    assert.equal(again.volume?.volumeId, volume.volumeId);
    await channel.call('CreateVolume', create('second'), inTime());

    assert.deepEqual(await channel.call('FindVolume', { name: 'first' }, inTime()), {
      found: true,
      volumeId: volume.volumeId,
      closedPools: [],
    });
    assert.deepEqual(await channel.call('FindVolume', { name: 'third' }, inTime()), { found: false, volumeId: '', closedPools: [] });

    const page = await channel.call('ListInventory', { maxEntries: 1 }, inTime());
    const rest = await channel.call('ListInventory', { startingToken: page.nextToken }, inTime());
    const listed = [...page.volumes, ...rest.volumes];
    assert.equal(page.volumes.length, 1);
    assert.equal(rest.nextToken, '');
    assert.deepEqual(listed.map(({ name }) => name).sort(), ['first', 'second']);
    const found = listed.find(({ name }) => name === 'first');
    const { createdAt } = await pools.getVolume(volume.volumeId);
    assert.deepEqual(
      { id: found?.volumeId, pool: found?.pool, size: found?.sizeBytes, seconds: found?.createdAt?.seconds },
      { id: volume.volumeId, pool: 'p', size: volume.capacityBytes, seconds: String(Math.floor(createdAt.getTime() / 1000)) },
    );

    const described = await channel.call('Describe', {}, inTime());
    assert.deepEqual(described, {
      version: '1.2.3',
      nodeName: NODE,
      nodeKey: KEY,
      pools: [{ name: 'p', driver: 'vfs', open: true, reason: '' }],
    });
    await channel.call('DeleteVolume', { volumeId: volume.volumeId }, inTime());
    assert.equal((await channel.call('FindVolume', { name: 'first' }, inTime())).found, false);
    channel.close();
    assert.deepEqual([scene.agent.refusals, scene.controller.refusals], [[], []]);
  });

  test('find a volume that is still being made, and tell a pool that cannot be looked into', async () => {
    await using scene = new Scene();
    const pools = await disks.open({}, ['p', 'q'], 'p');
    const agent = await scene.startAgent([controller], { pools, ...serviceOf(pools) });
    const channel = await scene.dialer(controller).dial(addressOf(agent), soon);
    const begun = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    disks.around = async (name, work) => {
      if (name !== 'volume.createVolume') return await work();
      begun.resolve();
      await held.promise;
      return await work();
    };
    const creating = channel.call('CreateVolume', create('slow'), inTime());
    await begun.promise;
    assert.equal((await channel.call('FindVolume', { name: 'slow' }, inTime())).found, true);
    held.resolve();
    await creating;
    disks.around = plainly;
    disks.around = async (name, work) => {
      if (name.startsWith('storage.')) throw new ConvoyError('Unavailable', 'the disk does not answer');
      return await work();
    };
    assert.deepEqual(await channel.call('FindVolume', { name: 'nowhere' }, inTime()), {
      found: false,
      volumeId: '',
      closedPools: ['p', 'q'],
    });
    const described = await channel.call('Describe', {}, inTime());
    disks.around = plainly;
    assert.deepEqual(
      described.pools.map(({ name, open }) => ({ name, open })),
      [
        { name: 'p', open: false },
        { name: 'q', open: false },
      ],
    );
    assert.match(described.pools[1]?.reason ?? '', /the disk does not answer/);
    channel.close();
  });

  test("pass the agent's own error, with its code and its message", async () => {
    await using scene = new Scene();
    const pools = fakePools({ deleteVolume: async () => Promise.reject(Object.assign(new Error('unexpected'), { path: '/secret' })) });
    const agent = await scene.startAgent([controller], { pools: await disks.open() });
    const other = await scene.startAgent([controller], { pools });
    const channel = await scene.dialer(controller).dial(addressOf(agent), soon);
    await assert.rejects(
      channel.call('CreateVolume', { ...create('x'), parameters: { pool: 'nowhere' } }, inTime()),
      failsWith('InvalidArgument', 'nowhere'),
    );
    await assert.rejects(channel.call('ListInventory', { startingToken: 'made-up' }, inTime()), failsWith('StaleToken', 'made-up'));
    await assert.rejects(channel.call('ListInventory', { maxEntries: -1 }, inTime()), failsWith('InvalidArgument', 'max_entries'));
    await assert.rejects(channel.call('FindVolume', { name: '' }, inTime()), failsWith('InvalidArgument', 'name is required'));
    channel.close();
    const defective = await scene.dialer(controller).dial(addressOf(other), soon);
    await assert.rejects(defective.call('DeleteVolume', deleteWithSecret, inTime()), (error) => {
      assert.ok(isConvoyError(error, 'Internal') && !/unexpected|secret/.test(error.message));
      return true;
    });
    defective.close();
    scene.agent.toldNoSecret();
  });

  test('pass secrets and deadlines on, and the end of a call', async () => {
    await using scene = new Scene();
    const begun = Promise.withResolvers<{ readonly deadline: number | undefined; readonly secrets: unknown }>();
    const ended = Promise.withResolvers<void>();
    const pools = fakePools({
      deleteVolume: async (_id, _options, { deadline, secrets, signal }) => {
        signal.addEventListener('abort', () => ended.resolve());
        begun.resolve({ deadline, secrets });
        await ended.promise;
        return {};
      },
    });
    const agent = await scene.startAgent([controller], { pools });
    const channel = await scene.dialer(controller).dial(addressOf(agent), soon);
    const giveUp = new AbortController();
    const deadline = Date.now() + 60_000;
    const deleting = channel.call('DeleteVolume', deleteWithSecret, { deadline, signal: giveUp.signal });
    const seen = await begun.promise;
    assert.deepEqual(seen.secrets, deleteWithSecret.secrets);
    assert.ok(seen.deadline !== undefined && Math.abs(seen.deadline - deadline) < 5_000, `${seen.deadline} for ${deadline}`);
    giveUp.abort();
    await assert.rejects(deleting, UnreachableError);
    await ended.promise;
    await assert.rejects(channel.call('Describe', {}, { deadline: Date.now() - 1 }), UnreachableError);
    assert.equal(channel.usable, true);
    channel.close();
    scene.agent.toldNoSecret();
  });

  test('tell the agent whether its node is one of the cluster', async () => {
    await using scene = new Scene();
    const words: unknown[] = [];
    const agent = await scene.startAgent([controller], { admit: async (word) => void words.push(word) });
    const channel = await scene.dialer(controller).dial(addressOf(agent), soon);
    await channel.call('Admit', { admitted: false, reason: 'declared gone: convoy node readmit' }, inTime());
    await channel.call('Admit', { admitted: true }, inTime());
    await assert.rejects(channel.call('Admit', { admitted: false }, inTime()), failsWith('InvalidArgument', 'reason'));
    assert.deepEqual(words, [
      { admitted: false, reason: 'declared gone: convoy node readmit' },
      { admitted: true, reason: '' },
    ]);
    channel.close();
  });

  test('take answers of several MiB, and no request of that size', async () => {
    await using scene = new Scene();
    const volumes = Array.from({ length: 8192 }, (_, index) => aVolume({ name: `${index}-${'n'.repeat(900)}` }));
    const pools = fakePools({ listVolumes: async () => ({ entries: volumes, nextToken: '' }) });
    const channel = await scene.dialer(controller).dial(addressOf(await scene.startAgent([controller], { pools })), soon);
    assert.equal((await channel.call('ListInventory', {}, inTime())).volumes.length, 8192);
    const huge = { name: 'x', parameters: { large: 'x'.repeat(5 << 20) } };
    await assert.rejects(channel.call('CreateVolume', huge, inTime()), UnreachableError);
    assert.equal(channel.usable, true);
    channel.close();
  });

  test('end well: what runs may end, nothing new is taken', async () => {
    await using scene = new Scene();
    let begun = 0;
    const held = Promise.withResolvers<void>();
    const pools = fakePools({
      getVolume: async () => {
        begun += 1;
        await held.promise;
        return aVolume();
      },
    });
    const agent = await scene.startAgent([controller], { pools });
    const dialer = scene.dialer(controller);
    const closing = await dialer.dial(addressOf(agent), soon);
    const stopped = await dialer.dial(addressOf(agent), soon);
    const one = closing.call('ControllerGetVolume', get, inTime());
    const two = stopped.call('ControllerGetVolume', get, inTime());
    await until(() => begun === 2, 'both calls');
    closing.close();
    const stopping = agent.stop(10_000);
    await until(() => !stopped.usable, 'the end of the channel');
    await assert.rejects(stopped.call('Describe', {}, inTime()), UnreachableError);
    await assert.rejects(dialer.dial(addressOf(agent), soon), UnreachableError);
    held.resolve();
    for (const { volume } of await Promise.all([one, two])) assert.equal(volume?.volumeId, get.volumeId);
    assert.equal(await stopping, true);
  });

  test('notice a network that was cut without a word', async () => {
    await using scene = new Scene();
    const agent = await scene.startAgent([controller], { pools: fakePools({ getVolume: () => new Promise(() => {}) }) });
    const cable = await startCable(scene, addressOf(agent));
    const channel = await scene.dialer(controller).dial(cable.address, soon);
    const asked = channel.call('ControllerGetVolume', get, { deadline: Date.now() + 600_000 });
    cable.cut();
    await assert.rejects(asked, (error) => error instanceof UnreachableError && !/DEADLINE/.test(error.message));
    assert.equal(channel.usable, false);
    // Nobody is there: said within the time that the caller has.
    await assert.rejects(scene.dialer(controller).dial(cable.address, { timeoutMs: 500 }), UnreachableError);
  });

  test('tell an address where nobody listens, and a dial that was given up', async () => {
    await using scene = new Scene();
    const agent = await scene.startAgent([controller]);
    const address = addressOf(agent);
    await assert.rejects(scene.dialer(controller).dial(address, { ...soon, signal: AbortSignal.abort() }), UnreachableError);
    await agent.stop(100);
    await assert.rejects(scene.dialer(controller).dial(address, soon), (error) => {
      assert.ok(error instanceof UnreachableError);
      assert.match(error.message, /node-1 at 127\.0\.0\.1:\d+ cannot be connected to .*ECONNREFUSED/);
      return true;
    });
    assert.deepEqual(scene.controller.refusals, []);
  });

  test('attest with the token of now, and tell that there is none', async () => {
    await using scene = new Scene();
    const agent = await scene.startAgent([controller]);
    const attestor = attestorFor();
    writeFileSync(`${scene.folder}/token`, 'a renewed token');
    const dialer = scene.dialer(controller, { attestor });
    await assert.rejects(dialer.dial(addressOf(agent), soon), /does not know the token/);
    assert.deepEqual(attestor.tokens, ['a renewed token']);
    writeFileSync(`${scene.folder}/token`, '\n');
    await assert.rejects(
      dialer.dial(addressOf(agent), soon),
      (error) => error instanceof UnreachableError && /is empty/.test(error.message),
    );
  });
});

/** A relay whose two ends stay open when it stops to pass anything on. */
async function startCable(scene: Scene, to: AgentAddress): Promise<{ readonly address: AgentAddress; cut(): void }> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const relay = createServer((socket) => {
    const other = connect(to.port, to.host);
    for (const [from, into] of [
      [socket, other],
      [other, socket],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('data', (bytes: Buffer) => {
        if (!isCut) into.write(bytes);
      });
      from.on('close', () => {
        if (!isCut) into.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  scene.later(() => {
    relay.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    address: { ...to, port: (relay.address() as AddressInfo).port },
    cut: () => {
      isCut = true;
    },
  };
}
