import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RefusedError } from '../../../src/channel/errors.ts';
import { ClusterNodes } from '../../../src/cluster/admin.ts';
import { openGoneNodesFile } from '../../../src/cluster/gone-nodes-file.ts';
import { staticDiscovery } from '../../../src/cluster/static.ts';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { formatId, localId, nodeKey } from '../../../src/convoy/ids.ts';
import { CLOUD, FakeGlobal, withGlobal } from './fake-global.ts';
import { aClaim, addressOf, cut, DRIVER, type Fleet, failureOf, GIB, startFleet, until } from './fleet.ts';

const adminOf = (fleet: Fleet, withView = true, global?: FakeGlobal): ClusterNodes =>
  new ClusterNodes({
    global,
    pools: CLOUD,
    agents: fleet.agents,
    goneNodes: fleet.goneNodes,
    view: withView ? fleet.view : undefined,
    driverName: DRIVER,
    log: {
      info: (fields, message) => void fleet.lines.push({ level: 'info', fields, message }),
      warn: (fields, message) => void fleet.lines.push({ level: 'warn', fields, message }),
    },
  });

describe('nodes', () => {
  test('are shown with what they have, or why they are not connected', async () => {
    using fleet = await startFleet(['a', 'b', 'c', 'd']);
    await cut(fleet, fleet.node('b'));
    await cut(fleet, fleet.node('c'), new RefusedError('token_pod', 'the token is of another pod'));
    await fleet.goneNodes.add({ nodeName: 'd', since: 5 });
    await fleet.goneNodes.add({ nodeName: 'e', since: 7 });
    const nodes = await adminOf(fleet).nodes();
    assert.deepEqual(
      nodes.map(({ nodeName, state }) => `${nodeName} ${state}`),
      ['a connected', 'b unreachable', 'c refused', 'd gone', 'e gone'],
    );
    assert.deepEqual(nodes[0], {
      nodeName: 'a',
      nodeKey: nodeKey('a'),
      state: 'connected',
      address: '192.0.2.1:9809',
      version: '0.4.0',
      pools: [{ name: 'fast', driver: 'vfs', open: true }],
    });
    assert.equal(nodes[1]?.reason, 'connection refused');
    assert.equal(nodes[2]?.reason, 'the token is of another pod');
    assert.equal(nodes[3]?.goneSince, 5);
    assert.equal(nodes[4]?.goneSince, 7);
    assert.deepEqual((await adminOf(fleet).counts()).agents, { connected: 1, unreachable: 1, refused: 1, gone: 2 });
  });

  test('with an address of the other kind are shown as such', async () => {
    using fleet = await startFleet(['a']);
    fleet.discovery.set([addressOf(fleet.node('a'), { host: '2001:db8::1' })]);
    assert.equal((await adminOf(fleet).nodes())[0]?.address, '[2001:db8::1]:9809');
  });
});

describe('forget', () => {
  test('releases what the node uses of global pools, and says so when that has to be tried again', async () => {
    using fleet = await startFleet(['a']);
    const global = new FakeGlobal();
    const admin = adminOf(fleet, true, global);
    global.closed = new ConvoyError('Unavailable', 'pool cloud is not open');
    const { code, message } = await failureOf(admin.forget('a', { force: true }));
    assert.equal(code, 'Unavailable');
    assert.match(message, /node a is declared gone, but .* not released yet: pool cloud is not open; then say the same again/);
    assert.deepEqual(
      fleet.goneNodes.list().map(({ nodeName }) => nodeName),
      ['a'],
    );
    global.closed = undefined;
    await admin.forget('a', { force: false });
    assert.deepEqual(global.released, ['a']);
  });

  test('is refused while the node answers or is ready, unless it is forced', async () => {
    using fleet = await startFleet(['a', 'b']);
    const admin = adminOf(fleet);
    const answers = await failureOf(admin.forget('a', { force: false }));
    assert.equal(answers.code, 'Precondition');
    assert.match(answers.message, /node a still answers: .*--force/);
    await cut(fleet, fleet.node('b'));
    fleet.view.nodes.set('b', { uid: 'uid-b', ready: true });
    const ready = await failureOf(admin.forget('b', { force: false }));
    assert.equal(ready.code, 'Precondition');
    assert.match(ready.message, /node b is ready/);
    assert.deepEqual(fleet.goneNodes.list(), []);
    await admin.forget('a', { force: true });
    await admin.forget('b', { force: true });
    assert.deepEqual(
      fleet.goneNodes.list().map(({ nodeName, nodeUid }) => [nodeName, nodeUid]),
      [
        ['a', undefined],
        ['b', 'uid-b'],
      ],
    );
    await until(() => fleet.node('a').told.at(-1)?.admitted === false);
  });

  test('of a node whose object is removed already is known by what it holds of global pools', async () => {
    using fleet = await startFleet(['a']);
    const global = new FakeGlobal();
    const admin = adminOf(fleet, true, global);
    assert.equal((await failureOf(admin.forget('spot-17', { force: false }))).code, 'NotFound');
    global.holding.add('spot-17');
    await admin.forget('spot-17', { force: false });
    assert.deepEqual(global.released, ['spot-17']);
  });

  test('is kept with name, uid and time, once', async () => {
    using fleet = await startFleet(['a']);
    const admin = adminOf(fleet);
    await cut(fleet, fleet.node('a'));
    fleet.view.nodes.set('a', { uid: 'uid-a', ready: false });
    const before = Date.now();
    const gone = await admin.forget('a', { force: false });
    assert.equal(gone.nodeName, 'a');
    assert.equal(gone.nodeUid, 'uid-a');
    assert.ok(gone.since >= before);
    assert.deepEqual(await admin.forget('a', { force: false }), gone);
    assert.deepEqual(fleet.goneNodes.list(), [gone]);
  });

  test('of a name that nobody knows is refused: it is a slip of the pen', async () => {
    using fleet = await startFleet(['a']);
    const admin = adminOf(fleet);
    const { code, message } = await failureOf(admin.forget('worker', { force: false }));
    assert.equal(code, 'NotFound');
    assert.match(message, /no agent, no Node object and no PersistentVolume/);
    fleet.view.volumes = [aClaim(formatId('cloud', 'global', localId('volume', 'v')))];
    assert.equal((await failureOf(admin.forget('global', { force: false }))).code, 'NotFound');
    fleet.view.volumes = [aClaim(formatId('fast', nodeKey('worker'), localId('volume', 'v')))];
    await admin.forget('worker', { force: false });
    await admin.forget('other', { force: true });
    fleet.view.nodes.set('third', { uid: 'u', ready: false });
    await admin.forget('third', { force: false });
    assert.deepEqual(
      fleet.goneNodes.list().map(({ nodeName }) => nodeName),
      ['worker', 'other', 'third'],
    );
  });

  test('needs the word of the API server, unless it is forced', async () => {
    using fleet = await startFleet(['a']);
    const admin = adminOf(fleet);
    await cut(fleet, fleet.node('a'));
    fleet.view.failure = new ConvoyError('Unavailable', 'the API server cannot be asked');
    assert.equal((await failureOf(admin.forget('a', { force: false }))).code, 'Unavailable');
    await admin.forget('a', { force: true });
    assert.equal(fleet.goneNodes.list().length, 1);
  });

  test('is not for a controller that asks no agent: it cannot tell whether the node answers', async () => {
    using fleet = await startFleet(['a'], { standby: true });
    const admin = adminOf(fleet);
    assert.equal((await failureOf(admin.forget('a', { force: false }))).code, 'Unavailable');
    assert.deepEqual(fleet.goneNodes.list(), []);
    assert.equal((await admin.counts()).orphans, undefined);
  });

  test('works outside Kubernetes', async () => {
    using fleet = await startFleet(['a']);
    const admin = adminOf(fleet, false);
    assert.equal((await failureOf(admin.forget('a', { force: false }))).code, 'Precondition');
    await cut(fleet, fleet.node('a'));
    await admin.forget('a', { force: false });
    assert.equal((await failureOf(admin.forget('x', { force: false }))).code, 'NotFound');
    assert.equal((await failureOf(admin.orphans())).code, 'NotSupported');
  });
});

test('readmit takes the word back, and is NotFound where none was given', async () => {
  using fleet = await startFleet(['a']);
  const admin = adminOf(fleet);
  assert.equal((await failureOf(admin.readmit('a'))).code, 'NotFound');
  await admin.forget('a', { force: true });
  await until(() => fleet.node('a').told.at(-1)?.admitted === false);
  await admin.readmit('a');
  assert.deepEqual(fleet.goneNodes.list(), []);
  await until(() => fleet.node('a').told.at(-1)?.admitted === true);
});

describe('orphans', () => {
  const NOW_MINUS = (minutes: number): number => Date.now() - minutes * 60_000;

  test('are volumes that no PersistentVolume names and the reverse, without what is young', async () => {
    using fleet = await startFleet(['a', 'b', 'c']);
    const [a, b] = [fleet.node('a'), fleet.node('b')];
    const claimed = a.addVolume('claimed', NOW_MINUS(60));
    const orphan = a.addVolume('orphan', NOW_MINUS(60), 3n * GIB);
    const older = b.addVolume('older', NOW_MINUS(600));
    b.addVolume('young', NOW_MINUS(2));
    const lost = aClaim(a.volumeId('lost'));
    const foreign = aClaim('made-by-hand');
    const released = aClaim(formatId('fast', nodeKey('d'), localId('volume', 'v')));
    await fleet.goneNodes.add({ nodeName: 'd', since: 0 });
    const silent = aClaim(fleet.node('c').volumeId('x'));
    const unknown = aClaim(formatId('fast', nodeKey('z'), localId('volume', 'v')));
    const young = aClaim(b.volumeId('not-yet'), { createdAt: NOW_MINUS(1) });
    const global = aClaim(formatId('cloud', 'global', localId('volume', 'v')));
    fleet.view.volumes = [aClaim(claimed), lost, foreign, released, silent, unknown, young, global];
    await cut(fleet, fleet.node('c'));
    const found = await adminOf(fleet).orphans();
    assert.deepEqual(
      found.volumes.map(({ volumeId }) => volumeId),
      [older, orphan],
    );
    assert.deepEqual(found.volumes[1], { ...found.volumes[1], nodeName: 'a', pool: 'fast', name: 'orphan', sizeBytes: 3n * GIB });
    assert.deepEqual(new Set(found.claims), new Set([lost, foreign, released]));
    const all = await adminOf(fleet).orphans({ minAgeMs: 0 });
    assert.deepEqual(
      all.volumes.map(({ name }) => name),
      ['older', 'orphan', 'young'],
    );
    assert.ok(all.claims.includes(young));
    assert.deepEqual(
      found.silent.map(({ nodeName }) => nodeName),
      ['c', `with key ${nodeKey('z')}`, 'global'],
    );
    assert.match(found.silent[0]?.reason ?? '', /connection refused/);
  });

  test('of global pools are found too, with what was lost there', async () => {
    using fleet = await withGlobal(['a']);
    const { global } = fleet;
    const claimed = global.addVolume('claimed', NOW_MINUS(60));
    const createdAt = NOW_MINUS(60);
    const orphan = global.addVolume('orphan', createdAt);
    global.addVolume('young', NOW_MINUS(2));
    const lost = aClaim(global.volumeId('lost'));
    fleet.view.volumes = [aClaim(claimed), lost];
    const found = await adminOf(fleet, true, global).orphans();
    assert.deepEqual(found, {
      volumes: [{ volumeId: orphan, nodeName: 'global', pool: 'cloud', name: 'orphan', sizeBytes: GIB, createdAt }],
      claims: [lost],
      silent: [],
    });
  });

  test('of a global pool that does not say, or is not served here, are neither lost nor found', async () => {
    using fleet = await withGlobal(['a']);
    const { global } = fleet;
    const lost = aClaim(fleet.node('a').volumeId('lost'));
    const inCloud = aClaim(global.volumeId('x'));
    fleet.view.volumes = [inCloud, aClaim(formatId('old', 'global', localId('volume', 'x'))), lost];
    const served = await adminOf(fleet, true, global).orphans();
    assert.deepEqual(served.claims, [inCloud, lost]);
    assert.deepEqual(
      served.silent.map(({ nodeName, reason }) => [nodeName, /is in global pool old, .*\(it serves cloud\): configure/.test(reason)]),
      [['global', true]],
    );
    global.closed = new ConvoyError('Unavailable', 'pool cloud is unavailable: not mounted');
    const closed = await adminOf(fleet, true, global).orphans();
    assert.deepEqual(closed.claims, [lost]);
    assert.deepEqual(closed.silent[0], { nodeName: 'global', reason: 'pool cloud is unavailable: not mounted' });
    const none = await adminOf(fleet).orphans();
    assert.deepEqual(none.claims, [lost]);
    assert.deepEqual(
      none.silent.map(({ reason }) => /is in global pool (cloud|old), .*\(it serves none\)/.test(reason)),
      [true, true],
    );
  });

  test('of a global pool that names what is not its own are not believed', async () => {
    using fleet = await withGlobal(['a']);
    fleet.global.volumes.set(fleet.node('a').volumeId('v'), { name: 'v', createdAt: 0 });
    const { volumes, silent } = await adminOf(fleet, true, fleet.global).orphans();
    assert.deepEqual(volumes, []);
    assert.match(silent[0]?.reason ?? '', /a global pool answered with volume .*, which is not its own/);
  });

  test('are searched for on every page of a node', async () => {
    using fleet = await startFleet(['a']);
    const a = fleet.node('a');
    for (let index = 0; index < 9000; index++) a.addVolume(`v${index}`);
    assert.equal((await adminOf(fleet).orphans()).volumes.length, 9000);
    assert.equal(a.count('ListInventory'), 3);
  });

  test('of a node that names what is not its own are not believed', async () => {
    using fleet = await startFleet(['a', 'b']);
    const a = fleet.node('a');
    a.volumes.set(fleet.node('b').volumeId('v'), { name: 'v', bytes: 1n, createdAt: 0 });
    const { volumes, silent } = await adminOf(fleet).orphans();
    assert.deepEqual(volumes, []);
    assert.deepEqual(
      silent.map(({ nodeName }) => nodeName),
      ['a'],
    );
  });

  test('are counted beside a scrape, not by each', async () => {
    using fleet = await startFleet(['a']);
    const a = fleet.node('a');
    a.addVolume('orphan', 0, 2n * GIB);
    const admin = adminOf(fleet);
    assert.equal((await admin.counts()).orphans, undefined);
    let counts = await admin.counts();
    await until(() => {
      void admin.counts().then((now) => {
        counts = now;
      });
      return counts.orphans !== undefined;
    });
    assert.deepEqual({ ...counts.orphans, countedAt: 0 }, { volumes: 1, bytes: 2n * GIB, claims: 0, silent: 0, countedAt: 0 });
    assert.equal(a.count('ListInventory'), 1);
    admin.close();
  });

  test('that cannot be counted are logged, and the scrape is answered', async () => {
    using fleet = await startFleet(['a']);
    fleet.view.failure = new ConvoyError('Unavailable', 'the API server cannot be asked');
    const admin = adminOf(fleet);
    assert.equal((await admin.counts()).agents['connected'], 1);
    await until(() => fleet.lines.some(({ message }) => message.startsWith('orphans were not counted')));
    assert.equal((await admin.counts()).orphans, undefined);
  });

  test('and nodes are not counted while nobody knows them: a scrape has the other metrics', async () => {
    using fleet = await startFleet(['a']);
    fleet.goneNodes.unread = new ConvoyError('Unavailable', 'the ConfigMap was not read yet');
    assert.deepEqual(await adminOf(fleet).counts(), { agents: {} });
  });
});

test('a static list is what it says', () => {
  const discovery = staticDiscovery([{ node: 'a', host: '192.0.2.7', port: 9809 }]);
  assert.deepEqual(discovery.agents(), [{ nodeName: 'a', host: '192.0.2.7', port: 9809 }]);
  assert.equal(discovery.agents(), discovery.agents());
});

describe('the file of gone nodes', () => {
  const inFile = async (work: (path: string) => Promise<void>): Promise<void> => {
    const directory = await mkdtemp(join(tmpdir(), 'convoy-gone-'));
    try {
      await work(join(directory, 'gone-nodes.json'));
    } finally {
      await rm(directory, { recursive: true });
    }
  };

  test('keeps what was said over a restart', () =>
    inFile(async (path) => {
      const nodes = await openGoneNodesFile(path, writeFile);
      assert.deepEqual(nodes.list(), []);
      const a = { nodeName: 'a', nodeUid: 'u', since: 5 };
      const b = { nodeName: 'b', since: 6 };
      await Promise.all([nodes.add(a), nodes.add(b), nodes.add({ ...a, since: 9 })]);
      assert.deepEqual(nodes.list(), [a, b]);
      assert.deepEqual((await openGoneNodesFile(path, writeFile)).list(), [a, b]);
      await nodes.remove('a');
      await nodes.remove('a');
      assert.deepEqual((await openGoneNodesFile(path, writeFile)).list(), [b]);
    }));

  test('is not believed to be changed before it is', () =>
    inFile(async (path) => {
      let full = true;
      const nodes = await openGoneNodesFile(path, async (where, text) => {
        if (full) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        await writeFile(where, text);
      });
      const a = { nodeName: 'a', since: 5 };
      assert.equal((await failureOf(nodes.add(a))).code, 'NoSpace');
      assert.deepEqual(nodes.list(), []);
      full = false;
      await nodes.add(a);
      assert.match(await readFile(path, 'utf8'), /"nodeName":"a"/);
    }));

  test('that is damaged, or of a newer version, is Unavailable, never empty', () =>
    inFile(async (path) => {
      for (const text of [
        '',
        '{',
        'null',
        '[]',
        '{"version":2,"nodes":[]}',
        '{"version":1}',
        '{"version":1,"nodes":[{"nodeName":7,"since":1}]}',
      ]) {
        await writeFile(path, text);
        const { code, message } = await failureOf(openGoneNodesFile(path, writeFile));
        assert.equal(code, 'Unavailable', text);
        assert.match(message, /gone-nodes\.json is damaged or of a newer version/);
      }
    }));
});
