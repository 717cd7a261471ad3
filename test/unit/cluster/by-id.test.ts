import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FORWARDED } from '../../../src/channel/api.ts';
import { UnreachableError } from '../../../src/channel/errors.ts';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { formatId, localId, nodeKey } from '../../../src/convoy/ids.ts';
import { aCall, createRequest, cut, type Fleet, failureOf, segments, startFleet } from './fleet.ts';

const capabilities = createRequest('v').volumeCapabilities;

/** Each call on one object: how it is asked, and what it says when the id is no id of ours. */
interface ByIdCase {
  readonly rpc: (typeof FORWARDED)[number];
  readonly kind: 'volume' | 'snapshot';
  readonly call: (fleet: Fleet, id: string) => unknown;
  readonly absent: 'NotFound' | 'ok';
}
const secrets = {};
const CASES: readonly ByIdCase[] = [
  { rpc: 'DeleteVolume', kind: 'volume', absent: 'ok', call: ({ rpcs }, volumeId) => rpcs.DeleteVolume({ volumeId, secrets }, aCall()) },
  {
    rpc: 'DeleteSnapshot',
    kind: 'snapshot',
    absent: 'ok',
    call: ({ rpcs }, snapshotId) => rpcs.DeleteSnapshot({ snapshotId, secrets }, aCall()),
  },
  {
    rpc: 'ControllerGetVolume',
    kind: 'volume',
    absent: 'NotFound',
    call: ({ rpcs }, volumeId) => rpcs.ControllerGetVolume({ volumeId }, aCall()),
  },
  {
    rpc: 'ControllerGetVolumeHealth',
    kind: 'volume',
    absent: 'NotFound',
    call: ({ rpcs }, volumeId) => rpcs.ControllerGetVolumeHealth({ volumeId, secrets }, aCall()),
  },
  {
    rpc: 'ValidateVolumeCapabilities',
    kind: 'volume',
    absent: 'NotFound',
    call: ({ rpcs }, volumeId) =>
      rpcs.ValidateVolumeCapabilities(
        { volumeId, volumeCapabilities: capabilities, volumeContext: {}, parameters: {}, mutableParameters: {}, secrets },
        aCall(),
      ),
  },
  {
    rpc: 'ControllerExpandVolume',
    kind: 'volume',
    absent: 'NotFound',
    call: ({ rpcs }, volumeId) =>
      rpcs.ControllerExpandVolume(
        { volumeId, capacityRange: { requiredBytes: '9', limitBytes: '0' }, volumeCapability: null, secrets },
        aCall(),
      ),
  },
  {
    rpc: 'CreateSnapshot',
    kind: 'volume',
    absent: 'NotFound',
    call: ({ rpcs }, sourceVolumeId) =>
      rpcs.CreateSnapshot({ sourceVolumeId, name: 's', secrets, parameters: {}, accessibilityRequirements: null }, aCall()),
  },
  {
    rpc: 'GetSnapshot',
    kind: 'snapshot',
    absent: 'NotFound',
    call: ({ rpcs }, snapshotId) => rpcs.GetSnapshot({ snapshotId, secrets }, aCall()),
  },
];

/** A volume or a snapshot on node b. */
function make(fleet: Fleet, kind: ByIdCase['kind']): string {
  const b = fleet.node('b');
  const volume = b.addVolume('v');
  return kind === 'volume' ? volume : b.addSnapshot('s', volume);
}

for (const { rpc, kind, call, absent } of CASES) {
  describe(rpc, () => {
    test('goes to the node of its id alone', async () => {
      using fleet = await startFleet(['a', 'b']);
      await call(fleet, make(fleet, kind));
      assert.deepEqual(fleet.node('b').forwards(), [rpc]);
      assert.deepEqual(fleet.node('a').forwards(), []);
    });

    test('an id that is none of ours does not exist, and no node is asked', async () => {
      using fleet = await startFleet(['a', 'b']);
      for (const id of ['nonsense', '../../etc', `fast.${nodeKey('b')}.x`, make(fleet, kind === 'volume' ? 'snapshot' : 'volume')]) {
        if (absent === 'ok') assert.deepEqual(await call(fleet, id), {});
        else
          assert.deepEqual(await failureOf(call(fleet, id)), { code: 'NotFound', message: `${kind} ${JSON.stringify(id)} does not exist` });
      }
      assert.deepEqual(
        fleet.nodes.flatMap((node) => node.forwards()),
        [],
      );
    });

    test('no id at all is refused', async () => {
      using fleet = await startFleet(['a']);
      assert.equal((await failureOf(call(fleet, ''))).code, 'InvalidArgument');
    });

    test('a node that is not known is Unavailable, with what to do', async () => {
      using fleet = await startFleet(['a']);
      const { code, message } = await failureOf(call(fleet, formatId('fast', nodeKey('lost'), localId(kind, 'x'))));
      assert.equal(code, 'Unavailable');
      assert.match(
        message,
        new RegExp(`no agent of node key ${nodeKey('lost')} is known: is its pod running\\? \\(kubectl .*convoy node forget`),
      );
    });

    test('an unreachable node is Unavailable', async () => {
      using fleet = await startFleet(['a', 'b']);
      const id = make(fleet, kind);
      await cut(fleet, fleet.node('b'), new UnreachableError('no route to host'));
      const { code, message } = await failureOf(call(fleet, id));
      assert.equal(code, 'Unavailable');
      assert.match(message, /^node b \(192\.0\.2\.1:9809\) cannot be reached: no route to host; /);
    });

    test('of a node that is gone, what was on it is released', async () => {
      using fleet = await startFleet(['a', 'b']);
      const id = make(fleet, kind);
      await fleet.goneNodes.add({ nodeName: 'b', since: 0 });
      if (absent === 'ok') {
        assert.deepEqual(await call(fleet, id), {});
        const line = fleet.lines.find(
          ({ level, fields }) => level === 'warn' && fields[kind === 'volume' ? 'volume_id' : 'snapshot_id'] === id,
        );
        assert.match(line?.message ?? '', /deleted without its node/);
      } else {
        const { code, message } = await failureOf(call(fleet, id));
        assert.equal(code, 'NotFound');
        assert.match(message, /was on node b, which was declared gone/);
      }
      assert.deepEqual(fleet.node('b').forwards(), []);
    });

    test("the agent's error keeps its code and gets the node's name", async () => {
      using fleet = await startFleet(['a', 'b']);
      const id = make(fleet, kind);
      for (const code of ['InUse', 'OutOfRange', 'DataLoss', 'NotSupported'] as const) {
        fleet.node('b').fail(rpc, new ConvoyError(code, 'it says so'));
        assert.deepEqual(await failureOf(call(fleet, id)), { code, message: 'node b: it says so' });
      }
    });

    test('an unknown outcome is Unavailable', async () => {
      using fleet = await startFleet(['a', 'b']);
      const id = make(fleet, kind);
      fleet.node('b').fail(rpc, new UnreachableError('not answered'));
      assert.deepEqual(await failureOf(call(fleet, id)), { code: 'Unavailable', message: 'node b: not answered' });
    });

    test('an id of a global pool is Unavailable where none is served', async () => {
      using fleet = await startFleet(['a']);
      const { code, message } = await failureOf(call(fleet, formatId('cloud', 'global', localId(kind, 'x'))));
      assert.equal(code, 'Unavailable');
      assert.match(
        message,
        new RegExp(
          `^${kind} cloud\\..* is in global pool cloud, which this controller does not serve \\(it serves none\\): configure the pool`,
        ),
      );
    });
  });
}

test('an agent that answers with the object of another is not believed', async () => {
  using fleet = await startFleet(['a', 'b']);
  const [a, b] = [fleet.node('a'), fleet.node('b')];
  const id = a.addVolume('v');
  const other = {
    volumeId: b.volumeId('v'),
    capacityBytes: '1',
    volumeContext: {},
    contentSource: null,
    accessibleTopology: segments('b'),
  };
  a.handlers.ControllerGetVolume = () => ({ volume: other, status: { publishedNodeIds: [] } });
  assert.equal((await failureOf(fleet.rpcs.ControllerGetVolume({ volumeId: id }, aCall()))).code, 'Internal');
  a.handlers.CreateSnapshot = () => ({
    snapshot: {
      snapshotId: a.snapshotId('s'),
      sourceVolumeId: b.volumeId('v'),
      sizeBytes: '0',
      creationTime: null,
      readyToUse: true,
      groupSnapshotId: '',
      accessibleTopology: segments('a'),
    },
  });
  const request = { sourceVolumeId: id, name: 's', secrets, parameters: {}, accessibilityRequirements: null };
  assert.equal((await failureOf(fleet.rpcs.CreateSnapshot(request, aCall()))).code, 'Internal');
});

test('bad input is refused before the node is asked', async () => {
  using fleet = await startFleet(['b']);
  const id = make(fleet, 'volume');
  const expand = { volumeId: id, capacityRange: null, volumeCapability: null, secrets };
  assert.match((await failureOf(fleet.rpcs.ControllerExpandVolume(expand, aCall()))).message, /capacity_range is required/);
  const snapshot = { sourceVolumeId: id, name: 's', secrets, parameters: { speed: 'fast' }, accessibilityRequirements: null };
  assert.match((await failureOf(fleet.rpcs.CreateSnapshot(snapshot, aCall()))).message, /unknown key "speed"/);
  assert.deepEqual(fleet.node('b').forwards(), []);
});

test("a snapshot is asked for as the caller asked: its requirement is the node's to judge", async () => {
  using fleet = await startFleet(['b']);
  const requirement = { requisite: segments('b', 'c'), preferred: [] };
  const request = { sourceVolumeId: make(fleet, 'volume'), name: 's', secrets, parameters: {}, accessibilityRequirements: requirement };
  const { snapshot } = await fleet.rpcs.CreateSnapshot(request, aCall());
  assert.deepEqual(snapshot?.accessibleTopology, segments('b'));
  assert.deepEqual(fleet.node('b').requests('CreateSnapshot')[0]?.accessibilityRequirements, requirement);
});
