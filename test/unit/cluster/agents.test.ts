import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RefusedError, UnreachableError } from '../../../src/channel/errors.ts';
import { TIMING as REAL_TIMING } from '../../../src/cluster/agent-link.ts';
import { isSkewed } from '../../../src/cluster/version-skew.ts';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { nodeKey } from '../../../src/convoy/ids.ts';
import { addressOf, cut, FakeChannel, type Fleet, failureOf, startFleet, TIMING, until } from './fleet.ts';

const connect = (fleet: Fleet, name: string, wait = {}) => fleet.agents.connect(nodeKey(name), wait);
const isConnected = (fleet: Fleet, name: string): boolean => fleet.agents.link(nodeKey(name))?.connected === true;

describe('agents', () => {
  test('are connected to, admitted and described without anyone asking', async () => {
    using fleet = await startFleet(['a', 'b']);
    for (const node of fleet.nodes) {
      assert.deepEqual(node.told, [{ admitted: true, reason: '' }]);
      assert.deepEqual([...(fleet.agents.link(node.key)?.description?.pools.keys() ?? [])], ['fast']);
      assert.deepEqual(
        node.asked.slice(0, 2).map(({ rpc }) => rpc),
        ['Admit', 'Describe'],
      );
    }
  });

  test('are asked again and again what they have', async () => {
    using fleet = await startFleet(['a']);
    fleet.node('a').pools = [{ name: 'new', driver: 'loop', open: false, reason: 'no disk' }];
    await until(() => fleet.agents.link(nodeKey('a'))?.description?.pools.has('new') === true);
  });

  test('come and go with discovery', async () => {
    using fleet = await startFleet(['a', 'b']);
    const [a, b] = fleet.nodes;
    assert.ok(a !== undefined && b !== undefined);
    fleet.discovery.set([addressOf(b)]);
    await until(() => a.channels.every(({ closed }) => closed));
    assert.equal(fleet.agents.link(a.key), undefined);
    assert.match((await failureOf(connect(fleet, 'a'))).message, new RegExp(`no agent of node key ${a.key} is known`));
    fleet.discovery.set([addressOf(a), addressOf(b)]);
    await until(() => isConnected(fleet, 'a'));
    assert.equal(b.channels.length, 1);
  });

  test('at a new address are dialled there at once, and the old connection is closed', async () => {
    using fleet = await startFleet(['a']);
    const a = fleet.node('a');
    fleet.discovery.set([addressOf(a, { host: '192.0.2.9', podUid: 'pod-2' })]);
    assert.equal(a.channels[0]?.closed, true);
    const { channel } = await connect(fleet, 'a');
    assert.equal(channel.address.host, '192.0.2.9');
  });

  test('at the same address are not dialled again when only their readiness changes', async () => {
    using fleet = await startFleet(['a']);
    fleet.discovery.set([addressOf(fleet.node('a'), { serving: false })]);
    assert.equal(fleet.agents.link(nodeKey('a'))?.address.serving, false);
    assert.equal(isConnected(fleet, 'a'), true);
    assert.equal(fleet.dials.count, 1);
  });

  test('of a node with two pods are the one that serves', async () => {
    using fleet = await startFleet(['a']);
    const a = fleet.node('a');
    const one = addressOf(a, { host: '192.0.2.1', podUid: 'one', serving: false });
    const two = addressOf(a, { host: '192.0.2.2', podUid: 'two', serving: true });
    for (const order of [
      [one, two],
      [two, one],
    ]) {
      fleet.discovery.set(order);
      assert.equal((await connect(fleet, 'a')).channel.address.podUid, 'two');
    }
  });

  test('are proven anew when the connection is lost or too old', async () => {
    using fleet = await startFleet(['a']);
    const a = fleet.node('a');
    for (const channel of a.channels) channel.usable = false;
    // A call does not wait for the background to notice.
    await connect(fleet, 'a');
    assert.equal(a.channels.length, 2);
    for (const channel of a.channels) channel.usable = false;
    await until(() => isConnected(fleet, 'a'));
    assert.equal(a.channels.length, 3);
    assert.equal(a.channels[1]?.closed, true);
  });

  test('are dialled once for all who wait', async () => {
    using fleet = await startFleet(['a'], { timing: { ...TIMING, tickMs: 60_000, refreshMs: 60_000 } });
    for (const channel of fleet.node('a').channels) channel.usable = false;
    const dials = fleet.dials.count;
    const connections = await Promise.all(Array.from({ length: 100 }, () => connect(fleet, 'a')));
    assert.equal(fleet.dials.count, dials + 1);
    assert.equal(new Set(connections.map(({ channel }) => channel)).size, 1);
  });

  test('that failed just now are not dialled by every call', async () => {
    using fleet = await startFleet(['a'], { timing: { ...TIMING, restMs: 60_000, backoffMs: 60_000, backoffMostMs: 60_000 } });
    await cut(fleet, fleet.node('a'));
    const dials = fleet.dials.count;
    for (let call = 0; call < 10; call++) assert.equal((await failureOf(connect(fleet, 'a'))).code, 'Unavailable');
    assert.equal(fleet.dials.count, dials);
  });

  test('that cannot be reached are tried until they can', async () => {
    using fleet = await startFleet(['a'], {
      prepare: (nodes) => {
        for (const node of nodes) node.unreachable = new UnreachableError('connection refused');
      },
    });
    await until(() => fleet.dials.count > 3);
    assert.equal(fleet.lines.filter(({ message }) => message.startsWith('agent not connected')).length, 1);
    fleet.node('a').unreachable = undefined;
    await until(() => isConnected(fleet, 'a'));
  });

  test('that fail in other words each time are logged once', async () => {
    let tries = 0;
    using fleet = await startFleet(['a'], {
      prepare: ([node]) => {
        Object.defineProperty(node, 'unreachable', { get: () => new UnreachableError(`no answer after ${++tries} ms`) });
      },
    });
    await until(() => fleet.dials.count > 3);
    assert.equal(fleet.lines.filter(({ message }) => message.startsWith('agent not connected')).length, 1);
  });

  test('that begin to serve are tried at once', async () => {
    const timing = { ...TIMING, backoffMs: 60_000, backoffMostMs: 60_000 };
    using fleet = await startFleet(['a'], { timing });
    const a = fleet.node('a');
    await cut(fleet, a);
    fleet.discovery.set([addressOf(a, { serving: false })]);
    a.unreachable = undefined;
    fleet.discovery.set([addressOf(a, { serving: true })]);
    await until(() => isConnected(fleet, 'a'));
  });

  test('that are refused say why', async () => {
    using fleet = await startFleet(['a'], {
      prepare: (nodes) => {
        for (const node of nodes) node.unreachable = new RefusedError('token_pod', 'the token is of another pod');
      },
    });
    const { code, message } = await failureOf(connect(fleet, 'a'));
    assert.equal(code, 'Unavailable');
    assert.match(message, /node a \(192\.0\.2\.1:9809\) cannot be reached: the token is of another pod; look at the agent's pod/);
    assert.equal(fleet.lines.find(({ fields }) => fields['refusal'] !== undefined)?.fields['refusal'], 'token_pod');
  });

  test('of another node than was dialled are not used', async () => {
    using fleet = await startFleet(['a']);
    const a = fleet.node('a');
    a.handlers.Describe = () => ({ version: '0.4.0', nodeName: 'b', nodeKey: nodeKey('b'), pools: [] });
    await until(() => fleet.agents.link(a.key)?.refused === true);
    assert.match((await failureOf(connect(fleet, 'a'))).message, /says that its node key is/);
    assert.equal(
      a.channels.every(({ closed }) => closed),
      true,
    );
  });

  test('that hang are waited for until the deadline', async () => {
    using fleet = await startFleet(['a'], { timing: { ...TIMING, tickMs: 60_000, refreshMs: 60_000 } });
    const a = fleet.node('a');
    const gate = Promise.withResolvers<void>();
    a.handlers.Admit = async () => {
      await gate.promise;
      return {};
    };
    for (const channel of a.channels) channel.usable = false;
    const { code, message } = await failureOf(connect(fleet, 'a', { deadline: Date.now() + 30 }));
    assert.equal(code, 'Unavailable');
    assert.match(message, /node a .* it is being connected to/);
    gate.resolve();
    await connect(fleet, 'a');
  });

  test('that are declared gone are told so and not used; readmitted ones are', async () => {
    using fleet = await startFleet(['a']);
    const a = fleet.node('a');
    await fleet.goneNodes.add({ nodeName: 'a', since: 0 });
    fleet.agents.recheck();
    await until(() => a.told.length === 2);
    assert.equal(a.told[1]?.admitted, false);
    assert.match(a.told[1]?.reason ?? '', /declared gone at 1970.*convoy node readmit a/);
    assert.match((await failureOf(connect(fleet, 'a'))).message, /declared gone/);
    // Also when its agent is a new one.
    fleet.discovery.set([addressOf(a, { podUid: 'new' })]);
    await until(() => a.told.length === 3);
    assert.equal(a.told[2]?.admitted, false);
    await fleet.goneNodes.remove('a');
    await until(() => a.told.length === 4);
    assert.equal(a.told[3]?.admitted, true);
    await connect(fleet, 'a');
  });

  test('are not asked while nobody knows which nodes are gone, or who they are', async () => {
    using fleet = await startFleet(['a']);
    fleet.goneNodes.unread = new ConvoyError('Unavailable', 'the ConfigMap was not read yet');
    const dials = fleet.dials.count;
    fleet.discovery.set([addressOf(fleet.node('a'), { podUid: 'new' })]);
    await until(() => fleet.agents.link(nodeKey('a'))?.reason === 'the ConfigMap was not read yet');
    assert.equal(fleet.dials.count, dials);
    fleet.goneNodes.unread = undefined;
    await until(() => isConnected(fleet, 'a'));
  });

  test('of another version than adjacent are told to the admin, once', async () => {
    using fleet = await startFleet(['a', 'b'], {
      prepare: ([a]) => {
        if (a !== undefined) a.version = '0.2.9';
      },
    });
    await until(() => fleet.node('a').count('Describe') > 3);
    const warnings = fleet.lines.filter(({ message }) => message.includes('is of a version'));
    assert.deepEqual(
      warnings.map(({ fields }) => [fields['node'], fields['version'], fields['own_version']]),
      [['a', '0.2.9', '0.4.1']],
    );
  });

  test('are left alone until this controller is in charge', async () => {
    using fleet = await startFleet(['a'], { standby: true });
    assert.equal(fleet.agents.links().length, 1);
    const { code, message } = await failureOf(connect(fleet, 'a'));
    assert.equal(code, 'Unavailable');
    assert.match(message, /not in charge/);
    assert.equal(fleet.dials.count, 0);
    fleet.agents.start();
    await until(() => isConnected(fleet, 'a'));
    assert.equal(fleet.dials.count, 1);
  });

  test('are all closed in the end', async () => {
    const fleet = await startFleet(['a', 'b']);
    fleet[Symbol.dispose]();
    assert.ok(fleet.nodes.flatMap(({ channels }) => channels).every((channel) => channel instanceof FakeChannel && channel.closed));
    const dials = fleet.dials.count;
    fleet.discovery.set(fleet.nodes.map((node) => addressOf(node, { podUid: 'new' })));
    assert.equal(fleet.dials.count, dials);
  });
});

test('many agents are dialled a few at a time', async () => {
  const names = Array.from({ length: 300 }, (_, index) => `n${index}`);
  using fleet = await startFleet(names, { timing: REAL_TIMING });
  assert.equal(fleet.dials.count, 300);
  assert.ok(fleet.dials.most > 1 && fleet.dials.most <= 16, `${fleet.dials.most} at once`);
});

test('versions are adjacent within one minor version of the same major one', () => {
  const own = '1.4.2';
  for (const other of ['1.4.0', '1.3.9', '1.5.0-rc.1', 'v1.4.7']) assert.equal(isSkewed(own, other), false, other);
  for (const other of ['1.2.9', '1.6.0', '2.4.0', '0.4.0', '', 'dev', '1']) assert.equal(isSkewed(own, other), true, other);
});
