import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UnreachableError } from '../../../src/channel/errors.ts';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { formatId, localId } from '../../../src/convoy/ids.ts';
import { CLOUD, withGlobal } from './fake-global.ts';
import { aCall, aClaim, aPool, createRequest, cut, type Fleet, failureOf, segments, startFleet } from './fleet.ts';

/** Pools that the controller serves itself, beside those of the nodes. */

const NAMES = ['a', 'b', 'c'];
const ZONE = 'topology.kubernetes.io/zone';
const secrets = {};
const inCloud = { parameters: { pool: 'cloud' } };

type Both = Awaited<ReturnType<typeof withGlobal>>;

const create = async (fleet: Fleet, name: string, changes: Parameters<typeof createRequest>[1] = {}) =>
  (await fleet.rpcs.CreateVolume(createRequest(name, changes), aCall())).volume;
const fromSnapshot = (snapshotId: string) => ({ volumeContentSource: { snapshot: { snapshotId }, type: 'snapshot' as const } });
const fromVolume = (volumeId: string) => ({ volumeContentSource: { volume: { volumeId }, type: 'volume' as const } });
const forwards = (fleet: Fleet): unknown[] => fleet.nodes.flatMap((node) => node.forwards());
const untouched = ({ global, ...fleet }: Both): void => {
  assert.deepEqual(global.asked, []);
  assert.deepEqual(forwards(fleet), []);
};

describe('a volume of a global pool', () => {
  test('is made by this process, told the whole requirement, and no node is asked', async () => {
    using fleet = await withGlobal();
    const requirement = { requisite: [{ segments: { [ZONE]: 'a' } }, ...segments('a')], preferred: segments('a') };
    const volume = await create(fleet, 'v', { ...inCloud, accessibilityRequirements: requirement });
    assert.equal(volume?.volumeId, fleet.global.volumeId('v'));
    const [request] = fleet.global.requests('CreateVolume');
    assert.deepEqual(request, createRequest('v', { ...inCloud, accessibilityRequirements: requirement }));
    assert.deepEqual(forwards(fleet), []);
  });

  test('needs no node that answers, and no list of the gone ones', async () => {
    using fleet = await withGlobal();
    for (const node of fleet.nodes) await cut(fleet, node);
    fleet.goneNodes.unread = new ConvoyError('Unavailable', 'the ConfigMap was not read yet');
    assert.equal((await create(fleet, 'v', inCloud))?.volumeId, fleet.global.volumeId('v'));
  });

  test('is Unavailable where none is served', async () => {
    using fleet = await startFleet(NAMES, { pools: CLOUD });
    const { code, message } = await failureOf(create(fleet, 'v', inCloud));
    assert.equal(code, 'Unavailable');
    assert.match(message, /this controller serves no global pool: .*configuration/);
  });

  test('has the id of its name, or is not believed', async () => {
    using fleet = await withGlobal();
    for (const volumeId of [fleet.global.volumeId('w'), fleet.node('a').volumeId('v')]) {
      fleet.global.handlers.CreateVolume = () => ({ volume: { volumeId, accessibleTopology: [] } });
      const { code, message } = await failureOf(create(fleet, 'v', inCloud));
      assert.equal(code, 'Internal');
      assert.match(message, /^a global pool answered with volume /);
    }
  });

  test('that is being created by one call is Busy for another, of either kind', async () => {
    using fleet = await withGlobal();
    const { promise, resolve } = Promise.withResolvers<void>();
    let calls = 0;
    fleet.global.handlers.CreateVolume = async () => {
      if (calls++ === 0) await promise;
      return { volume: { volumeId: fleet.global.addVolume('v'), accessibleTopology: [] } };
    };
    const first = create(fleet, 'v', inCloud);
    for (const changes of [inCloud, {}]) assert.equal((await failureOf(create(fleet, 'v', changes))).code, 'Busy');
    resolve();
    assert.equal((await first)?.volumeId, fleet.global.volumeId('v'));
    assert.deepEqual(forwards(fleet), []);
  });

  test('is told of a thousand terms as they are, hostile keys and all', async () => {
    using fleet = await withGlobal();
    const hostile = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
    const requisite = [...Array.from({ length: 1000 }, (_, index) => ({ segments: { [ZONE]: `z${index}` } })), { segments: hostile }];
    await create(fleet, 'v', { ...inCloud, accessibilityRequirements: { requisite, preferred: requisite } });
    const [request] = fleet.global.requests('CreateVolume') as [{ accessibilityRequirements: { requisite: unknown } }];
    assert.deepEqual(request.accessibilityRequirements.requisite, requisite);
  });
});

describe('a copy', () => {
  const COPIES: readonly (readonly [string, (fleet: Both) => Parameters<typeof createRequest>[1], RegExp])[] = [
    [
      'of a volume on a node into a global pool',
      ({ nodes }) => ({ ...inCloud, ...fromVolume(nodes[0]?.volumeId('s') ?? '') }),
      /volume fast\..* is in local pool fast, and the new volume would be in global pool cloud: use a class of pool fast/,
    ],
    [
      'of a snapshot on a node into a global pool',
      ({ nodes }) => ({ ...inCloud, ...fromSnapshot(nodes[0]?.snapshotId('s') ?? '') }),
      /snapshot fast\..* is in local pool fast/,
    ],
    [
      'of a global volume onto a node',
      ({ global }) => ({ parameters: { pool: 'fast' }, ...fromVolume(global.volumeId('s')) }),
      /volume cloud\.global\..* is in global pool cloud, and the new volume would be in local pool fast: use a class of pool cloud/,
    ],
    [
      'of a volume of a pool that nobody has, into the default one',
      () => fromVolume(formatId('old', 'global', localId('volume', 's'))),
      /is in global pool old, and the new volume would be in local pool fast/,
    ],
    [
      'of a volume from before its pool became local',
      () => fromVolume(formatId('fast', 'global', localId('volume', 's'))),
      /is of global pool fast, which is local by now/,
    ],
    [
      'of a volume from before its pool became global',
      ({ nodes }) => fromVolume(nodes[0]?.volumeId('s', 'cloud') ?? ''),
      /is of local pool cloud, which is global by now/,
    ],
  ];
  for (const [what, changes, pattern] of COPIES)
    test(`${what} is refused before anything is sent`, async () => {
      using fleet = await withGlobal();
      const { code, message } = await failureOf(create(fleet, 'v', changes(fleet)));
      assert.equal(code, 'InvalidArgument');
      assert.match(message, pattern);
      untouched(fleet);
    });

  test('without a pool goes to the global pool of its source', async () => {
    using fleet = await withGlobal();
    const source = fleet.global.addSnapshot('s', fleet.global.addVolume('source'));
    assert.equal((await create(fleet, 'v', fromSnapshot(source)))?.volumeId, fleet.global.volumeId('v'));
    assert.equal((await create(fleet, 'w', fromVolume(fleet.global.volumeId('source'))))?.volumeId, fleet.global.volumeId('w'));
    assert.deepEqual(forwards(fleet), []);
  });
});

describe('a name', () => {
  test('of a global volume is not made on a node, until it is deleted', async () => {
    using fleet = await withGlobal();
    const volume = await create(fleet, 'v', inCloud);
    const { code, message } = await failureOf(create(fleet, 'v'));
    assert.equal(code, 'AlreadyExists');
    assert.match(message, /volume "v" exists in global pool cloud, asked is pool fast/);
    assert.deepEqual(forwards(fleet), []);
    await fleet.rpcs.DeleteVolume({ volumeId: volume?.volumeId ?? '', secrets }, aCall());
    assert.match((await create(fleet, 'v'))?.volumeId ?? '', /^fast\./);
  });

  test('that a global pool may have made is looked for there first; where it is not, it is made on a node', async () => {
    using fleet = await withGlobal();
    fleet.global.fail('CreateVolume', new ConvoyError('Busy', 'still being copied'));
    await failureOf(create(fleet, 'v', inCloud));
    fleet.global.fail('ControllerGetVolume', new ConvoyError('Busy', 'still being made'));
    assert.equal((await failureOf(create(fleet, 'v'))).code, 'Busy');
    delete fleet.global.handlers.ControllerGetVolume;
    const held = fleet.node('c').addVolume('v');
    // From here on it is a name that nobody has asked the nodes for.
    assert.equal(
      (await create(fleet, 'v', { accessibilityRequirements: { requisite: segments(...NAMES), preferred: [] } }))?.volumeId,
      held,
    );
  });

  test('that no global pool has after all is not made on a node while another one is being connected to', async () => {
    using fleet = await withGlobal(NAMES, CLOUD, { standby: true });
    fleet.global.fail('CreateVolume', new ConvoyError('Busy', 'still being copied'));
    await failureOf(create(fleet, 'v', inCloud));
    fleet.node('c').handlers.Describe = () => new Promise(() => {});
    fleet.agents.start();
    const { code, message } = await failureOf(fleet.rpcs.CreateVolume(createRequest('v'), aCall({ deadline: Date.now() + 200 })));
    assert.equal(code, 'Unavailable');
    assert.match(message, /cannot be told while nodes are being connected to \(c\)/);
  });

  for (const code of ['NoSpace', 'InvalidArgument', 'Unavailable'] as const)
    test(`that a global pool refused with ${code} is made on a node without asking it again`, async () => {
      using fleet = await withGlobal();
      fleet.global.fail('CreateVolume', new ConvoyError(code, 'because'));
      assert.deepEqual(await failureOf(create(fleet, 'v', inCloud)), { code, message: 'because' });
      assert.match((await create(fleet, 'v'))?.volumeId ?? '', /^fast\./);
      assert.deepEqual(
        fleet.global.asked.map(({ rpc }) => rpc),
        ['CreateVolume'],
      );
    });

  test('that a node has is not made in a global pool', async () => {
    using fleet = await withGlobal(['b']);
    const b = fleet.node('b');
    b.handlers.CreateVolume = () => {
      b.addVolume('v');
      throw new UnreachableError('cut');
    };
    await failureOf(create(fleet, 'v'));
    const { code, message } = await failureOf(create(fleet, 'v', inCloud));
    assert.equal(code, 'AlreadyExists');
    assert.match(message, /volume "v" exists on node b, asked is pool cloud/);
    assert.deepEqual(fleet.global.asked, []);
    b.volumes.clear();
    assert.equal((await create(fleet, 'v', inCloud))?.volumeId, fleet.global.volumeId('v'));
  });

  test('tried on a node that is gone or silent holds no global pool up', async () => {
    using fleet = await withGlobal(['a', 'b']);
    for (const name of ['a', 'b']) {
      const node = fleet.node(name);
      node.handlers.CreateVolume = () => {
        node.addVolume(name);
        throw new UnreachableError('cut');
      };
      await failureOf(create(fleet, name, { accessibilityRequirements: { requisite: segments(name), preferred: [] } }));
    }
    await fleet.goneNodes.add({ nodeName: 'a', since: 0 });
    await cut(fleet, fleet.node('b'));
    for (const name of ['a', 'b']) assert.equal((await create(fleet, name, inCloud))?.volumeId, fleet.global.volumeId(name));
  });

  test('of a snapshot stands for one, on the nodes and in the global pools', async () => {
    using fleet = await withGlobal();
    const cutFrom = (sourceVolumeId: string) =>
      fleet.rpcs.CreateSnapshot({ sourceVolumeId, name: 's', secrets, parameters: {}, accessibilityRequirements: null }, aCall());
    const ofCloud = fleet.global.addVolume('v');
    const ofNode = fleet.node('a').addVolume('w');
    const { snapshot } = await cutFrom(ofCloud);
    assert.equal(snapshot?.snapshotId, fleet.global.snapshotId('s'));
    const { code, message } = await failureOf(cutFrom(ofNode));
    assert.equal(code, 'AlreadyExists');
    assert.match(message, new RegExp(`exists, of another volume: ${fleet.global.snapshotId('s')}`));
    assert.equal((await cutFrom(ofCloud)).snapshot?.snapshotId, fleet.global.snapshotId('s'));
    await fleet.rpcs.DeleteSnapshot({ snapshotId: fleet.global.snapshotId('s'), secrets }, aCall());
    assert.equal((await cutFrom(ofNode)).snapshot?.snapshotId, fleet.node('a').snapshotId('s'));
    assert.equal((await failureOf(cutFrom(ofCloud))).code, 'AlreadyExists');
  });
});

describe('lists', () => {
  const volumes = (fleet: Fleet, maxEntries = 0, startingToken = '') => fleet.rpcs.ListVolumes({ maxEntries, startingToken }, aCall());
  const snapshots = (fleet: Fleet, filter: { snapshotId?: string; sourceVolumeId?: string } = {}) =>
    fleet.rpcs.ListSnapshots({ maxEntries: 0, startingToken: '', snapshotId: '', sourceVolumeId: '', secrets, ...filter }, aCall());
  const health = (fleet: Fleet) => fleet.rpcs.ControllerListVolumeHealth({ maxEntries: 0, startingToken: '', secrets }, aCall());
  const globalClaim = (pool: string) => aClaim(formatId(pool, 'global', localId('volume', 'x')), { pvName: `pv-${pool}` });

  test('have what the nodes have and what the global pools have, page by page', async () => {
    using fleet = await withGlobal();
    const all = [...fleet.nodes, fleet.global].flatMap((place) => ['1', '2', '3'].map((name) => place.addVolume(name)));
    const cuts = [...fleet.nodes, fleet.global].map((place) => place.addSnapshot('s', place.volumeId('1')));
    fleet.view.volumes = [globalClaim('cloud')];
    const seen: unknown[] = [];
    for (let token = ''; ; ) {
      const page = await volumes(fleet, 2, token);
      seen.push(...(page.entries ?? []).map(({ volume }) => volume?.volumeId));
      token = page.nextToken ?? '';
      if (token === '') break;
    }
    assert.deepEqual(new Set(seen), new Set(all));
    assert.equal(seen.length, all.length);
    assert.deepEqual(new Set((await health(fleet)).entries?.map(({ volumeId }) => volumeId)), new Set(all));
    assert.deepEqual(new Set((await snapshots(fleet)).entries?.map(({ snapshot }) => snapshot?.snapshotId)), new Set(cuts));
  });

  test('by a global id are asked of the global pools alone', async () => {
    using fleet = await withGlobal();
    const source = fleet.global.addVolume('v');
    const snapshotId = fleet.global.addSnapshot('s', source);
    for (const filter of [{ snapshotId }, { sourceVolumeId: source }, { snapshotId, sourceVolumeId: source }])
      assert.deepEqual(
        (await snapshots(fleet, filter)).entries?.map(({ snapshot }) => snapshot?.snapshotId),
        [snapshotId],
      );
    assert.deepEqual(forwards(fleet), []);
    fleet.node('a').addSnapshot('s', source);
    assert.deepEqual((await snapshots(fleet, { snapshotId: fleet.node('a').snapshotId('s'), sourceVolumeId: source })).entries, []);
  });

  test('are Unavailable while a global pool is: never shorter', async () => {
    using fleet = await withGlobal();
    for (const rpc of ['ListVolumes', 'ListSnapshots', 'ControllerListVolumeHealth'] as const)
      fleet.global.fail(rpc, new ConvoyError('Unavailable', 'pool cloud is unavailable'));
    for (const list of [volumes, snapshots, health]) assert.equal((await failureOf(list(fleet))).code, 'Unavailable');
  });

  test('are Unavailable while a PersistentVolume is in a global pool that is not served here, and say what to configure', async () => {
    using none = await startFleet(NAMES, { pools: [aPool('fast', true)] });
    using other = await withGlobal();
    for (const [fleet, serves] of [
      [none, 'none'],
      [other, 'cloud'],
    ] as const) {
      fleet.view.volumes = [aClaim(fleet.node('a').volumeId('v')), globalClaim('old')];
      for (const list of [volumes, snapshots, health]) {
        const { code, message } = await failureOf(list(fleet));
        assert.equal(code, 'Unavailable');
        assert.match(
          message,
          new RegExp(
            `^PersistentVolume pv-old \\(old\\.global\\.v.*\\) is in global pool old, .*\\(it serves ${serves}\\): configure the pool`,
          ),
        );
      }
    }
  });

  test('by an id of a global pool that is not served here are Unavailable, not empty', async () => {
    using fleet = await withGlobal();
    for (const filter of [
      { snapshotId: formatId('old', 'global', localId('snapshot', 's')) },
      { sourceVolumeId: formatId('old', 'global', localId('volume', 'v')) },
    ]) {
      const { code, message } = await failureOf(snapshots(fleet, filter));
      assert.equal(code, 'Unavailable');
      assert.match(message, /is in global pool old, which this controller does not serve \(it serves cloud\)/);
    }
    assert.deepEqual(fleet.global.asked, []);
  });
});

test('calls on one object of a global pool are served here, or are Unavailable', async () => {
  using fleet = await withGlobal();
  const id = fleet.global.addVolume('v');
  assert.equal((await fleet.rpcs.ControllerGetVolume({ volumeId: id }, aCall())).volume?.volumeId, id);
  await fleet.rpcs.DeleteVolume({ volumeId: id, secrets }, aCall());
  assert.equal(fleet.global.volumes.size, 0);
  assert.equal((await failureOf(fleet.rpcs.ControllerGetVolume({ volumeId: id }, aCall()))).code, 'NotFound');
  const asked = fleet.global.asked.length;
  const old = formatId('old', 'global', localId('volume', 'v'));
  for (const call of [
    fleet.rpcs.DeleteVolume({ volumeId: old, secrets }, aCall()),
    fleet.rpcs.ControllerGetVolume({ volumeId: old }, aCall()),
  ]) {
    const { code, message } = await failureOf(call);
    assert.equal(code, 'Unavailable');
    assert.match(message, /^volume old\.global\..* is in global pool old, .*\(it serves cloud\): configure the pool at the controller too/);
  }
  assert.equal(fleet.global.asked.length, asked);
  assert.deepEqual(forwards(fleet), []);
});
