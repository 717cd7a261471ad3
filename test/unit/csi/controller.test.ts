import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_PAGE } from '../../../src/csi/paging.ts';
import type { CreateSnapshotInput, CreateVolumeInput, PageRequest, Pools, SizeRange } from '../../../src/pool/api.ts';
import { aPool, aSnapshot, aVolume, DRIVER, failing, NODE, openEdge, outcome, snapshotId, volumeId } from './edge.ts';

const KEY = `${DRIVER}/node`;
const here = { segments: { [KEY]: NODE } };
const there = { segments: { [KEY]: 'node-2' } };
const ZONE = 'topology.kubernetes.io/zone';
const inZone = { segments: { [KEY]: NODE, [ZONE]: 'a' } };
const zonal = { segments: { [ZONE]: 'a' } };
const writer = { accessMode: { mode: 'SINGLE_NODE_WRITER' }, mount: { fsType: 'xfs' } } as const;
const capability = (mode: string, block = false): object => ({ accessMode: { mode }, ...(block ? { block: {} } : { mount: {} }) });

test('CreateVolume gives the pool typed input and answers with the whole volume', async () => {
  let input: CreateVolumeInput | undefined;
  const source = { kind: 'snapshot', snapshotId: snapshotId('s') } as const;
  await using edge = await openEdge({
    pools: {
      createVolume: async (given) => {
        input = given;
        return aVolume({ source, use: { mount: true, block: true } });
      },
    },
  });
  const { volume } = await edge.client.call('CreateVolume', {
    name: 'a',
    capacityRange: { requiredBytes: '1073741824', limitBytes: '2147483648' },
    volumeCapabilities: [writer, { accessMode: { mode: 'SINGLE_NODE_MULTI_WRITER' }, block: {} }],
    parameters: {
      pool: 'fast',
      consistency: 'files',
      PrepareForVM: 'true',
      VolumeIOPS: '300',
      type: 'tmpfs',
      'csi.storage.k8s.io/pvc/name': 'claim',
      'storage.kubernetes.io/anything': 'x',
    },
    volumeContentSource: { snapshot: { snapshotId: source.snapshotId } },
    accessibilityRequirements: { requisite: [there, inZone], preferred: [inZone] },
  });
  assert.deepEqual(input, {
    name: 'a',
    pool: 'fast',
    range: { requiredBytes: 1n << 30n, limitBytes: 2n << 30n },
    use: { mount: true, block: true, fsType: 'xfs' },
    source,
    options: { prepareForVm: true, volumeIops: 300 },
    driverParameters: { type: 'tmpfs' },
    consistency: 'files',
    nodes: [NODE, 'node-2'],
    terms: [there.segments, inZone.segments],
  });
  assert.deepEqual(volume, {
    capacityBytes: '1073741824',
    volumeId: volumeId('a'),
    volumeContext: { pool: 'fast', driver: 'loop', sizeEnforced: 'true' },
    contentSource: { snapshot: { snapshotId: source.snapshotId }, type: 'snapshot' },
    accessibleTopology: [here],
  });
});

test('a volume of a global pool has no topology, and an empty one no source', async () => {
  const { node: _node, ...everywhere } = aVolume();
  await using edge = await openEdge({ pools: { createVolume: async () => everywhere } });
  const { volume } = await edge.client.call('CreateVolume', { name: 'a', volumeCapabilities: [writer] });
  assert.deepEqual(volume?.accessibleTopology, []);
  assert.equal(volume.contentSource, null);
});

test('volumes and snapshots of a zonal pool have its segments wherever they are told', async () => {
  const { node: _node, ...volume } = aVolume(zonal);
  const { node: _place, ...snapshot } = aSnapshot(zonal);
  await using edge = await openEdge({
    pools: {
      createVolume: async () => volume,
      getVolume: async () => volume,
      listVolumes: async () => ({ entries: [volume], nextToken: '' }),
      createSnapshot: async () => snapshot,
      getSnapshot: async () => snapshot,
      listSnapshots: async () => ({ entries: [snapshot], nextToken: '' }),
    },
  });
  const { client } = edge;
  const answers = [
    (await client.call('CreateVolume', { name: 'a', volumeCapabilities: [writer] })).volume,
    (await client.call('ControllerGetVolume', { volumeId: volume.id })).volume,
    (await client.call('ListVolumes', {})).entries[0]?.volume,
    (await client.call('CreateSnapshot', { name: 's', sourceVolumeId: volume.id })).snapshot,
    (await client.call('GetSnapshot', { snapshotId: snapshot.id })).snapshot,
    (await client.call('ListSnapshots', {})).entries[0]?.snapshot,
  ];
  for (const answer of answers) assert.deepEqual(answer?.accessibleTopology, [zonal]);
});

for (const [mode, access, want] of [
  ['SINGLE_NODE_WRITER', 'device', 'OK'],
  ['SINGLE_NODE_SINGLE_WRITER', 'device', 'OK'],
  ['SINGLE_NODE_READER_ONLY', 'device', 'OK'],
  ['MULTI_NODE_READER_ONLY', 'device', 'OK'],
  ['MULTI_NODE_SINGLE_WRITER', 'device', 'INVALID_ARGUMENT'],
  ['MULTI_NODE_MULTI_WRITER', 'device', 'INVALID_ARGUMENT'],
  ['MULTI_NODE_MULTI_WRITER', 'directory', 'OK'],
] as const) {
  test(`access mode ${mode} in a local pool of ${access} volumes is ${want}`, async () => {
    await using edge = await openEdge({ pools: { createVolume: async () => aVolume(), status: async () => [aPool('fast', access)] } });
    const { code, details } = await outcome(edge.client.call('CreateVolume', { name: 'a', volumeCapabilities: [capability(mode)] }));
    assert.equal(code, want);
    if (want !== 'OK') assert.match(details, new RegExp(`${mode} is not possible in pool fast: .*ReadWriteOnce`));
  });
}

test('writers on many nodes are fine in a global pool, whatever its volumes are', async () => {
  const status = async (): Promise<never[]> => [aPool('san', 'device', { scope: 'global' })] as never[];
  await using edge = await openEdge({ pools: { createVolume: async () => aVolume(), status } });
  const request = { name: 'a', parameters: { pool: 'san' }, volumeCapabilities: [capability('MULTI_NODE_MULTI_WRITER', true)] };
  assert.equal((await outcome(edge.client.call('CreateVolume', request))).code, 'OK');
});

test('CreateSnapshot passes source, consistency and places, and answers with the instant of the cut', async () => {
  let input: CreateSnapshotInput | undefined;
  await using edge = await openEdge({
    pools: {
      createSnapshot: async (given) => {
        input = given;
        return aSnapshot({ readyToUse: false });
      },
    },
  });
  const request = {
    name: 's',
    sourceVolumeId: volumeId('a'),
    parameters: { consistency: 'point-in-time', 'csi.storage.k8s.io/volumesnapshot/name': 's' },
  };
  const pinned = await edge.client.call('CreateSnapshot', { ...request, accessibilityRequirements: { requisite: [here] } });
  assert.deepEqual(input, {
    name: 's',
    sourceVolumeId: volumeId('a'),
    consistency: 'point-in-time',
    nodes: [NODE],
    terms: [here.segments],
  });
  assert.deepEqual(pinned.snapshot?.accessibleTopology, [], 'the caller has said itself where it is');
  const { snapshot } = await edge.client.call('CreateSnapshot', request);
  assert.deepEqual(snapshot, {
    sizeBytes: '1073741824',
    snapshotId: snapshotId('s'),
    sourceVolumeId: volumeId('a'),
    creationTime: { seconds: '1700000000', nanos: 123_000_000 },
    readyToUse: false,
    groupSnapshotId: '',
    accessibleTopology: [here],
  });
});

test('a snapshot tells no topology that every term of its request has, and any other', async () => {
  const { node: _node, ...inZoneA } = aSnapshot(zonal);
  const { node: _place, ...everywhere } = aSnapshot();
  for (const [snapshot, requisite, want] of [
    [aSnapshot(), [inZone], []],
    [aSnapshot(), [inZone, there], [here]],
    [inZoneA, [zonal], []],
    [inZoneA, [inZone], []],
    [inZoneA, [inZone, { segments: { [KEY]: 'node-2', [ZONE]: 'a' } }], []],
    [inZoneA, [inZone, there], [zonal]],
    // Our own key alone does not say which zone.
    [inZoneA, [here], [zonal]],
    [inZoneA, [], [zonal]],
    [everywhere, [inZone], []],
  ] as const) {
    await using edge = await openEdge({ pools: { createSnapshot: async () => snapshot } });
    const request = { name: 's', sourceVolumeId: volumeId('a'), accessibilityRequirements: { requisite: [...requisite] } };
    assert.deepEqual((await edge.client.call('CreateSnapshot', request)).snapshot?.accessibleTopology, want);
  }
});

test('a thousand terms, and keys that mean something to objects, reach the pool as they are', async () => {
  let input: CreateVolumeInput | undefined;
  await using edge = await openEdge({
    pools: {
      createVolume: async (given) => {
        input = given;
        return aVolume();
      },
    },
  });
  const requisite = [
    ...Array.from({ length: 1000 }, (_, index) => ({ segments: { [KEY]: `n${index}`, [ZONE]: 'a' } })),
    { segments: { constructor: 'x', toString: 'y', ['__proto__']: 'z' } },
  ];
  await edge.client.call('CreateVolume', {
    name: 'a',
    volumeCapabilities: [writer],
    accessibilityRequirements: { requisite, preferred: requisite },
  });
  assert.equal(input?.nodes?.length, 1000);
  assert.equal(input?.terms?.length, 1001);
  const last = input?.terms?.at(-1) ?? {};
  assert.deepEqual([Object.hasOwn(last, 'constructor'), last['constructor'], last['toString']], [true, 'x', 'y']);
  assert.equal(Object.getPrototypeOf({}), Object.prototype);
});

test('pages and tokens pass through, and a page without limit has a bound of its own', async () => {
  const asked: PageRequest[] = [];
  const page = async <T>(request: PageRequest, entries: readonly T[]): Promise<{ entries: readonly T[]; nextToken: string }> => {
    asked.push(request);
    return { entries, nextToken: 'next' };
  };
  await using edge = await openEdge({
    pools: {
      listVolumes: (request) => page(request, [aVolume()]),
      listSnapshots: (filter, request) => page(request, filter.sourceVolumeId === volumeId('a') ? [aSnapshot()] : []),
      listVolumeHealth: (request) => page(request, []),
    },
  });
  const volumes = await edge.client.call('ListVolumes', { maxEntries: 1, startingToken: 'token' });
  const snapshots = await edge.client.call('ListSnapshots', { sourceVolumeId: volumeId('a') });
  const health = await edge.client.call('ControllerListVolumeHealth', { maxEntries: 100_000 });
  assert.deepEqual(asked, [
    { maxEntries: 1, startingToken: 'token' },
    { maxEntries: MAX_PAGE, startingToken: '' },
    { maxEntries: MAX_PAGE, startingToken: '' },
  ]);
  assert.deepEqual([volumes.nextToken, snapshots.nextToken, health.nextToken], ['next', 'next', 'next']);
  assert.equal(volumes.entries[0]?.volume?.volumeId, volumeId('a'));
  assert.equal(volumes.entries[0]?.status, null);
  assert.equal(snapshots.entries[0]?.snapshot?.snapshotId, snapshotId('s'));
});

test('a full page of the largest volumes fits into what a gRPC client accepts', async () => {
  const largest = aVolume({
    pool: 'p'.repeat(20),
    id: `${'p'.repeat(20)}.${'0'.repeat(16)}.v${'0'.repeat(32)}`,
    node: 'n'.repeat(63),
    source: { kind: 'volume', volumeId: `${'p'.repeat(20)}.${'0'.repeat(16)}.v${'1'.repeat(32)}` },
  });
  const { node: _node, ...global } = largest;
  // As config/topology.ts limits them.
  const segments = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`${index}${'k'.repeat(14)}`, 'v'.repeat(10)]));
  for (const each of [largest, { ...global, segments }]) {
    await using edge = await openEdge({
      pools: { listVolumes: async ({ maxEntries }) => ({ entries: Array.from({ length: maxEntries }, () => each), nextToken: 'x' }) },
    });
    assert.equal((await edge.client.call('ListVolumes', {})).entries.length, MAX_PAGE);
  }
});

test('a token that the pool did not hand out is ABORTED', async () => {
  await using edge = await openEdge({ pools: { listVolumes: failing('StaleToken') } });
  assert.equal((await outcome(edge.client.call('ListVolumes', { startingToken: 'invalid-token' }))).code, 'ABORTED');
});

test('ControllerGetVolume answers with volume and status', async () => {
  await using edge = await openEdge({ pools: { getVolume: async () => aVolume() } });
  const answer = await edge.client.call('ControllerGetVolume', { volumeId: volumeId('a') });
  assert.deepEqual(answer.status, { publishedNodeIds: [] });
  assert.equal(answer.volume?.volumeId, volumeId('a'));
});

for (const [what, fileSystem, block, want] of [
  ['a file system on a device follows on its node', 'ext4', false, true],
  ['a raw device has nothing to follow', 'ext4', true, false],
  ['a directory is as large at once', undefined, false, false],
] as const) {
  test(`after ControllerExpandVolume ${what}`, async () => {
    let range: SizeRange | undefined;
    const expandVolume: Pools['expandVolume'] = async (_id, given) => {
      range = given;
      return aVolume({ sizeBytes: 2n << 30n, ...(fileSystem === undefined ? {} : { fileSystem }) });
    };
    await using edge = await openEdge({ pools: { expandVolume } });
    const volumeCapability = capability('SINGLE_NODE_WRITER', block);
    const answer = await edge.client.call('ControllerExpandVolume', {
      volumeId: volumeId('a'),
      capacityRange: { requiredBytes: '2147483648' },
      volumeCapability,
    });
    assert.deepEqual(range, { requiredBytes: 2n << 30n });
    assert.deepEqual(answer, { capacityBytes: '2147483648', nodeExpansionRequired: want });
  });
}

test('GetCapacity asks for the pool and place, and never tells less than nothing or more than int64', async () => {
  let asked: unknown;
  await using edge = await openEdge({
    pools: {
      capacity: async (request) => {
        asked = request;
        return { totalBytes: 1n << 70n, availableBytes: -1n, maximumVolumeBytes: 1n << 70n, minimumVolumeBytes: 4096n };
      },
    },
  });
  const answer = await edge.client.call('GetCapacity', {
    parameters: { pool: 'fast' },
    accessibleTopology: there,
    volumeCapabilities: [writer],
  });
  assert.deepEqual(asked, { pool: 'fast', nodes: ['node-2'], terms: [there.segments] });
  assert.deepEqual(answer, {
    availableCapacity: '0',
    maximumVolumeSize: { value: '9223372036854775807' },
    minimumVolumeSize: { value: '4096' },
  });
});

test('GetCapacity passes on a place of other keys, and none where there is none', async () => {
  const asked: unknown[] = [];
  await using edge = await openEdge({
    pools: {
      capacity: async (request) => {
        asked.push(request);
        return { totalBytes: 1n, availableBytes: 1n, maximumVolumeBytes: 1n, minimumVolumeBytes: 1n };
      },
    },
  });
  for (const accessibleTopology of [zonal, { segments: {} }, null]) await edge.client.call('GetCapacity', { accessibleTopology });
  assert.deepEqual(asked, [{ terms: [zonal.segments] }, {}, {}]);
});

test('there is no capacity for block volumes where no pool serves them', async () => {
  await using edge = await openEdge({ pools: { servesBlock: false } });
  const answer = await edge.client.call('GetCapacity', { volumeCapabilities: [capability('SINGLE_NODE_WRITER', true)] });
  assert.equal(answer.availableCapacity, '0');
});

test('ValidateVolumeCapabilities confirms by echoing what it was asked', async () => {
  await using edge = await openEdge({ pools: { getVolume: async () => aVolume({ fileSystem: 'xfs' }) } });
  const asked = { volumeContext: { pool: 'fast', 'storage.kubernetes.io/csiProvisionerIdentity': 'x' }, parameters: { pool: 'fast' } };
  const { confirmed, message } = await edge.client.call('ValidateVolumeCapabilities', {
    volumeId: volumeId('a'),
    volumeCapabilities: [writer],
    ...asked,
  });
  assert.equal(message, '');
  assert.deepEqual(confirmed?.volumeContext, asked.volumeContext);
  assert.deepEqual(confirmed.parameters, asked.parameters);
  assert.equal(confirmed.volumeCapabilities[0]?.mount?.fsType, 'xfs');
});

for (const [what, request, message] of [
  ['another pool in the context', { volumeContext: { pool: 'slow' } }, /volume_context\["pool"\] is "slow"; the volume has "fast"/],
  ['another pool in the parameters', { parameters: { pool: 'slow' } }, /parameters\["pool"\] is "slow"/],
  ['an unknown parameter', { parameters: { __proto: 'x' } }, /unknown key "__proto"/],
  ['mutable parameters', { mutableParameters: { iops: '1' } }, /mutable_parameters has the key "iops"/],
  ['block', { volumeCapabilities: [capability('SINGLE_NODE_WRITER', true)] }, /made to be mounted/],
  ['another file system', { volumeCapabilities: [{ ...writer, mount: { fsType: 'ext4' } }] }, /fs_type is "ext4"; the volume has xfs/],
  ['writers on many nodes', { volumeCapabilities: [capability('MULTI_NODE_MULTI_WRITER')] }, /MULTI_NODE_MULTI_WRITER is not possible/],
] as const) {
  test(`ValidateVolumeCapabilities says no to ${what}, and why, with code OK`, async () => {
    await using edge = await openEdge({ pools: { getVolume: async () => aVolume({ fileSystem: 'xfs' }) } });
    const answer = await edge.client.call('ValidateVolumeCapabilities', {
      volumeId: volumeId('a'),
      volumeCapabilities: [writer],
      ...(request as object),
    });
    assert.equal(answer.confirmed, null);
    assert.match(answer.message, message);
  });
}

test('health tells each status and reason once', async () => {
  const problem = (message: string): { status: 'Degraded'; reason: string; message: string } => ({
    status: 'Degraded',
    reason: 'SlowDisk',
    message,
  });
  await using edge = await openEdge({
    pools: {
      volumeHealth: async () => [problem('one'), { status: 'DataLoss', reason: 'RecordDamaged', message: 'x' }, problem('two')],
      storageHealth: async () => [
        { ...problem('one'), pool: 'fast' },
        { ...problem('two'), pool: 'slow' },
        { status: 'Inaccessible', reason: 'NotMounted', message: 'x', pool: 'slow' },
      ],
    },
  });
  const { volumeHealth } = await edge.client.call('ControllerGetVolumeHealth', { volumeId: volumeId('a') });
  assert.deepEqual(volumeHealth, {
    volumeId: volumeId('a'),
    healthStatuses: [
      { status: 'DEGRADED', reason: 'SlowDisk', message: 'one; two' },
      { status: 'DATA_LOSS', reason: 'RecordDamaged', message: 'x' },
    ],
  });
  const { backendHealth } = await edge.client.call('NodeGetStorageHealth', {});
  assert.deepEqual(
    backendHealth.map(({ status, reason, message }) => [status, reason, message]),
    [
      ['STORAGE_DEGRADED', 'SlowDisk', 'pool fast: one; pool slow: two'],
      ['STORAGE_UNREACHABLE', 'NotMounted', 'pool slow: x'],
    ],
  );
});
