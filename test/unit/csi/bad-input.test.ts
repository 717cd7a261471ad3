import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RpcName } from '../../../src/csi/definitions.ts';
import type { CreateVolumeInput, Pools } from '../../../src/pool/api.ts';
import type { NodeService } from '../../../src/publish/api.ts';
import { aVolume, type Edge, failing, openEdge, outcome, volumeId } from './edge.ts';

/** What must be refused before any use case is reached, and how the message says so. */
type Bad = readonly [what: string, request: object, message: RegExp];

const writer = { accessMode: { mode: 'SINGLE_NODE_WRITER' }, mount: {} } as const;
const volume = { name: 'a', volumeCapabilities: [writer] };
const mount = (fields: object): object => ({ ...volume, volumeCapabilities: [{ accessMode: { mode: 1 }, mount: fields }] });
const range = (required: string, limit = '0'): object => ({ ...volume, capacityRange: { requiredBytes: required, limitBytes: limit } });
const parameter = (key: string, value: string): object => ({ ...volume, parameters: Object.fromEntries([[key, value]]) });

const CREATE_VOLUME: readonly Bad[] = [
  ['no name', { ...volume, name: '' }, /^name is required$/],
  ['a name of 129 bytes', { ...volume, name: 'n'.repeat(129) }, /^name has 129 bytes/],
  ['a name of 43 characters but 129 bytes', { ...volume, name: '€'.repeat(43) }, /^name has 129 bytes/],
  ['a name with a control character', { ...volume, name: 'a\u0000b' }, /^name holds a control character/],
  ['a name with a C1 control character', { ...volume, name: 'a\u0085b' }, /^name holds a control character/],
  ['no capabilities', { name: 'a' }, /^volume_capabilities is required/],
  [
    'a capability without access mode',
    { ...volume, volumeCapabilities: [writer, { mount: {} }] },
    /^volume_capabilities\[1\]\.access_mode is required/,
  ],
  [
    'access mode UNKNOWN',
    { ...volume, volumeCapabilities: [{ accessMode: { mode: 0 }, mount: {} }] },
    /access_mode\.mode is "UNKNOWN"; allowed are SINGLE_NODE_WRITER/,
  ],
  [
    'an access mode of the future',
    { ...volume, volumeCapabilities: [{ accessMode: { mode: 99 }, mount: {} }] },
    /access_mode\.mode is "99"/,
  ],
  ['neither block nor mount', { ...volume, volumeCapabilities: [{ accessMode: { mode: 1 } }] }, /neither block nor mount/],
  ['a file system name of 129 bytes', mount({ fsType: 'f'.repeat(129) }), /fs_type is "f+…?", 129 bytes; allowed are at most 128/],
  [
    'mount flags of more than 4 KiB',
    mount({ mountFlags: ['x'.repeat(2048), 'y'.repeat(2049)] }),
    /mount_flags have 4097 bytes; allowed are at most 4096/,
  ],
  ['a volume mount group', mount({ volumeMountGroup: '1000' }), /volume_mount_group is "1000"/],
  [
    'two file systems',
    {
      ...volume,
      volumeCapabilities: [
        { ...writer, mount: { fsType: 'ext4' } },
        { ...writer, mount: { fsType: 'xfs' } },
      ],
    },
    /ext4 and xfs/,
  ],
  ['a negative size', range('-1'), /^capacity_range\.required_bytes is -1; allowed are 0/],
  ['a negative limit', range('0', '-9223372036854775808'), /^capacity_range\.limit_bytes is -9223372036854775808/],
  [
    'a limit below the size',
    range('9223372036854775807', '9007199254740993'),
    /required_bytes is 9223372036854775807, more than limit_bytes, 9007199254740993/,
  ],
  [
    'an unknown parameter __proto__',
    parameter('__proto__', 'x'),
    /^parameters has the unknown key "__proto__"; allowed are pool, consistency, Format/,
  ],
  ['a parameter constructor', parameter('constructor', 'x'), /unknown key "constructor"/],
  ['a parameter with a path for a name', parameter('../../etc', 'x'), /unknown key "\.\.\/\.\.\/etc"/],
  ['an empty parameter name', parameter('', 'x'), /unknown key ""/],
  ['a pool that cannot be one', parameter('pool', '../../etc'), /^parameters\["pool"\] is "\.\.\/\.\.\/etc"/],
  ['the pool global', parameter('pool', 'global'), /^parameters\["pool"\] is "global"/],
  [
    'an unknown consistency',
    parameter('consistency', 'eventual'),
    /^parameters\["consistency"\] is "eventual"; allowed are point-in-time and files/,
  ],
  ['a Format that is no boolean', parameter('Format', 'yes'), /^Format is "yes"; allowed are true and false/],
  ['a VolumeIOPS that is no number', parameter('VolumeIOPS', '-1'), /^VolumeIOPS is "-1"/],
  ['parameters of more than 4 KiB', parameter('type', 'x'.repeat(4093)), /^parameters has 4097 bytes/],
  ['mutable parameters', { ...volume, mutableParameters: { iops: '1' } }, /^mutable_parameters has the key "iops"; allowed is none/],
  ['mutable parameter __proto__', { ...volume, mutableParameters: Object.fromEntries([['__proto__', 'x']]) }, /key "__proto__"/],
  ['a source that is neither', { ...volume, volumeContentSource: {} }, /^volume_content_source has neither snapshot nor volume/],
  ['a snapshot source without id', { ...volume, volumeContentSource: { snapshot: {} } }, /snapshot_id is required/],
  ['a volume source without id', { ...volume, volumeContentSource: { volume: {} } }, /volume_id is required/],
];

const id = volumeId('a');
const stage = { volumeId: id, stagingTargetPath: '/staging', volumeCapability: writer };
const publish = { ...stage, targetPath: '/target' };
const long = `/${'d'.repeat(4095)}`;

const OTHERS: Partial<Readonly<Record<RpcName, readonly Bad[]>>> = {
  DeleteVolume: [['no id', {}, /^volume_id is required$/]],
  ControllerGetVolume: [['no id', {}, /^volume_id is required$/]],
  ControllerGetVolumeHealth: [['no id', {}, /^volume_id is required$/]],
  ValidateVolumeCapabilities: [
    ['no id', { volumeCapabilities: [writer] }, /^volume_id is required$/],
    ['no capabilities', { volumeId: id }, /^volume_capabilities is required/],
    [
      'a context of more than 4 KiB',
      { volumeId: id, volumeCapabilities: [writer], volumeContext: { k: 'v'.repeat(4096) } },
      /^volume_context has 4097 bytes/,
    ],
  ],
  ListVolumes: [['a negative max_entries', { maxEntries: -1 }, /^max_entries is -1; allowed are 0/]],
  ListSnapshots: [['a negative max_entries', { maxEntries: -5 }, /^max_entries is -5/]],
  ControllerListVolumeHealth: [['a negative max_entries', { maxEntries: -2147483648 }, /^max_entries is -2147483648/]],
  CreateSnapshot: [
    ['no name', { sourceVolumeId: id }, /^name is required$/],
    ['no source', { name: 's' }, /^source_volume_id is required$/],
    ['a name of 129 bytes', { name: 'n'.repeat(129), sourceVolumeId: id }, /^name has 129 bytes/],
    [
      'a volume parameter',
      { name: 's', sourceVolumeId: id, parameters: { pool: 'fast' } },
      /^parameters has the unknown key "pool"; allowed are consistency$/,
    ],
  ],
  DeleteSnapshot: [['no id', {}, /^snapshot_id is required$/]],
  GetSnapshot: [['no id', {}, /^snapshot_id is required$/]],
  ControllerExpandVolume: [
    ['no id', { capacityRange: { requiredBytes: '1' } }, /^volume_id is required$/],
    ['no range', { volumeId: id }, /^capacity_range is required/],
    ['an empty range', { volumeId: id, capacityRange: {} }, /^capacity_range is required/],
    ['a negative size', { volumeId: id, capacityRange: { requiredBytes: '-1' } }, /required_bytes is -1/],
  ],
  GetCapacity: [
    ['a capability without access mode', { volumeCapabilities: [{ mount: {} }] }, /^volume_capabilities\[0\]\.access_mode is required/],
    ['an unknown parameter', { parameters: { '..': '' } }, /unknown key "\.\."/],
  ],
  NodeStageVolume: [
    ['no id', { ...stage, volumeId: '' }, /^volume_id is required$/],
    ['no path', { ...stage, stagingTargetPath: '' }, /^staging_target_path is required$/],
    ['no capability', { ...stage, volumeCapability: null }, /^volume_capability is required$/],
    ['a relative path', { ...stage, stagingTargetPath: 'some/path' }, /^staging_target_path is "some\/path"; allowed is an absolute path/],
    ['a path that climbs', { ...stage, stagingTargetPath: '/staging/../../etc' }, /^staging_target_path is "\/staging\/\.\.\/\.\.\/etc"/],
    ['a path with NUL', { ...stage, stagingTargetPath: '/staging\0/etc' }, /^staging_target_path is "\/staging\\u0000\/etc"/],
    ['the root', { ...stage, stagingTargetPath: '//./' }, /^staging_target_path is "\/\/\.\/"/],
    [
      'a path beyond PATH_MAX',
      { ...stage, stagingTargetPath: long },
      /^staging_target_path is "\/d+…"; allowed is an absolute path of at most 4095 bytes/,
    ],
  ],
  NodeUnstageVolume: [
    ['no id', { stagingTargetPath: '/staging' }, /^volume_id is required$/],
    ['no path', { volumeId: id }, /^staging_target_path is required$/],
    ['a path that climbs', { volumeId: id, stagingTargetPath: '/a/..' }, /^staging_target_path is "\/a\/\.\."/],
  ],
  NodePublishVolume: [
    ['no id', { ...publish, volumeId: '' }, /^volume_id is required$/],
    ['no target', { ...publish, targetPath: '' }, /^target_path is required$/],
    ['no capability, and no staging path either', { volumeId: 'fake', targetPath: '/target' }, /^volume_capability is required$/],
    ['a relative staging path', { ...publish, stagingTargetPath: 'staging' }, /^staging_target_path is "staging"/],
    ['a relative target', { ...publish, targetPath: 'target' }, /^target_path is "target"/],
  ],
  NodeUnpublishVolume: [
    ['no id', { targetPath: '/target' }, /^volume_id is required$/],
    ['no target', { volumeId: id }, /^target_path is required$/],
    ['a relative target', { volumeId: id, targetPath: 'target' }, /^target_path is "target"/],
  ],
  NodeGetVolumeStats: [
    ['no id', { volumePath: '/target' }, /^volume_id is required$/],
    ['no path', { volumeId: id }, /^volume_path is required$/],
  ],
  NodeExpandVolume: [
    ['no id', { volumePath: '/target' }, /^volume_id is required$/],
    ['no path', { volumeId: id }, /^volume_path is required$/],
    ['a negative size', { volumeId: id, volumePath: '/target', capacityRange: { requiredBytes: '-1' } }, /required_bytes is -1/],
  ],
  NodeGetVolumeHealth: [
    ['no id', {}, /^volume_id is required$/],
    ['a relative path', { volumeId: id, volumePublishPath: 'target' }, /^volume_publish_path is "target"/],
  ],
};

/** `openEdge` without use cases: reaching one fails the test as INTERNAL. */
async function refused(edge: Edge, rpc: RpcName, [what, request, message]: Bad): Promise<void> {
  const { code, details } = await outcome(edge.client.call(rpc, request));
  assert.equal(code, 'INVALID_ARGUMENT', `${what}: ${details}`);
  assert.match(details, message, what);
  assert.ok(details.length < 600, what);
}

for (const [rpc, table] of Object.entries({ CreateVolume: CREATE_VOLUME, ...OTHERS })) {
  test(`${rpc} refuses what is missing or malformed, and says which field, what it is and what is allowed`, async () => {
    await using edge = await openEdge();
    for (const bad of table) await refused(edge, rpc as RpcName, bad);
  });
}

test('legal but odd names and sizes reach the pool as they are', async () => {
  const seen: CreateVolumeInput[] = [];
  const pools: Partial<Pools> = {
    createVolume: async (input) => {
      seen.push(input);
      return aVolume({ sizeBytes: input.range.requiredBytes ?? 1n });
    },
  };
  await using edge = await openEdge({ pools });
  const names = ['../../etc', '__proto__', '-rf', 'a\tb\r\nc', '😀', 'n'.repeat(128), '/'];
  for (const name of names) assert.equal((await outcome(edge.client.call('CreateVolume', { ...volume, name }))).code, 'OK', name);
  assert.deepEqual(
    seen.map(({ name }) => name),
    names,
  );
  seen.length = 0;
  const sizes = ['0', '1', '9007199254740993', '9223372036854775807'];
  for (const size of sizes) {
    const { volume: made } = await edge.client.call('CreateVolume', range(size));
    assert.equal(made?.capacityBytes, size === '0' ? '1' : size);
  }
  assert.deepEqual(
    seen.map((input) => input.range),
    [{}, { requiredBytes: 1n }, { requiredBytes: 9007199254740993n }, { requiredBytes: 9223372036854775807n }],
  );
});

test('ids that are none of ours are for the pool to know: NOT_FOUND, OK for deletes, nothing for filters', async () => {
  const unknown: Partial<Pools> = {
    getVolume: failing('NotFound'),
    getSnapshot: failing('NotFound'),
    expandVolume: failing('NotFound'),
    volumeHealth: failing('NotFound'),
    createSnapshot: failing('NotFound'),
    deleteVolume: async () => ({}),
    deleteSnapshot: async () => undefined,
    peekVolume: failing('NotFound'),
  };
  const node: Partial<NodeService> = { stage: failing('NotFound'), publish: failing('NotFound') };
  await using edge = await openEdge({ pools: unknown, node });
  const { client } = edge;
  for (const odd of ['fake-vol-id', '../../etc', '__proto__', 'x'.repeat(5000), 'a\0b']) {
    const codes = await Promise.all(
      [
        client.call('ControllerGetVolume', { volumeId: odd }),
        client.call('ValidateVolumeCapabilities', { volumeId: odd, volumeCapabilities: [writer] }),
        client.call('ControllerExpandVolume', { volumeId: odd, capacityRange: { requiredBytes: '1' } }),
        client.call('ControllerGetVolumeHealth', { volumeId: odd }),
        client.call('CreateSnapshot', { name: 's', sourceVolumeId: odd }),
        client.call('GetSnapshot', { snapshotId: odd }),
        client.call('NodeStageVolume', { ...stage, volumeId: odd }),
        client.call('NodePublishVolume', { ...publish, volumeId: odd }),
        client.call('NodePublishVolume', { ...publish, volumeId: odd, stagingTargetPath: '' }),
        client.call('NodeGetVolumeStats', { volumeId: odd, volumePath: 'some/path' }),
        client.call('NodeExpandVolume', { volumeId: odd, volumePath: 'some/path' }),
        client.call('NodeExpandVolume', { volumeId: odd, volumePath: '/a/../etc' }),
      ].map(outcome),
    );
    assert.deepEqual(new Set(codes.map(({ code }) => code)), new Set(['NOT_FOUND']));
    assert.equal((await outcome(client.call('DeleteVolume', { volumeId: odd }))).code, 'OK');
    assert.equal((await outcome(client.call('DeleteSnapshot', { snapshotId: odd }))).code, 'OK');
    assert.deepEqual((await client.call('ListSnapshots', { snapshotId: odd })).entries, []);
    assert.deepEqual((await client.call('ListSnapshots', { sourceVolumeId: odd })).entries, []);
  }
});

test('a missing staging path is FAILED_PRECONDITION for a volume that exists', async () => {
  await using edge = await openEdge({ pools: { peekVolume: async () => ({}) as never } });
  const { code, details } = await outcome(edge.client.call('NodePublishVolume', { ...publish, stagingTargetPath: '' }));
  assert.equal(code, 'FAILED_PRECONDITION');
  assert.match(details, /^staging_target_path is not set/);
});
