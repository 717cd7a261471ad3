import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublishInput, StageInput } from '../../../src/publish/api.ts';
import { openEdge, volumeId } from './edge.ts';

const id = volumeId('a');
const mode = (name: string): object => ({ accessMode: { mode: name }, mount: { fsType: 'ext4', mountFlags: ['noatime'] } });

test('stage and publish get their input typed, with paths in plain form', async () => {
  let staged: StageInput | undefined;
  let published: PublishInput | undefined;
  await using edge = await openEdge({
    node: {
      stage: async (input) => {
        staged = input;
      },
      publish: async (input) => {
        published = input;
      },
    },
  });
  const capability = {
    mode: 'SINGLE_NODE_WRITER',
    access: { kind: 'mount', fsType: 'ext4', mountFlags: ['noatime'], volumeMountGroup: '' },
  };
  await edge.client.call('NodeStageVolume', {
    volumeId: id,
    stagingTargetPath: '/var//lib/./staging/',
    volumeCapability: mode('SINGLE_NODE_WRITER'),
  });
  assert.deepEqual(staged, { volumeId: id, stagingPath: '/var/lib/staging', capability });
  await edge.client.call('NodePublishVolume', {
    volumeId: id,
    stagingTargetPath: '/var/lib/staging',
    targetPath: '/pods/a..b/volume',
    volumeCapability: { accessMode: { mode: 'SINGLE_NODE_MULTI_WRITER' }, block: {} },
  });
  assert.deepEqual(published, {
    volumeId: id,
    stagingPath: '/var/lib/staging',
    targetPath: '/pods/a..b/volume',
    capability: { mode: 'SINGLE_NODE_MULTI_WRITER', access: { kind: 'block' } },
    readOnly: false,
  });
});

for (const [name, readonly, want] of [
  ['SINGLE_NODE_WRITER', false, false],
  ['SINGLE_NODE_WRITER', true, true],
  ['MULTI_NODE_READER_ONLY', false, true],
  ['SINGLE_NODE_READER_ONLY', false, true],
] as const) {
  test(`a publish as ${name} with readonly ${readonly} is ${want ? 'read-only' : 'writable'}`, async () => {
    let published: PublishInput | undefined;
    await using edge = await openEdge({
      node: {
        publish: async (input) => {
          published = input;
        },
      },
    });
    await edge.client.call('NodePublishVolume', {
      volumeId: id,
      stagingTargetPath: '/s',
      targetPath: '/t',
      readonly,
      volumeCapability: mode(name),
    });
    assert.equal(published?.readOnly, want);
  });
}

test('unstage and unpublish name volume and path', async () => {
  const seen: string[][] = [];
  await using edge = await openEdge({
    node: {
      unstage: async (...args) => void seen.push(args.slice(0, 2) as string[]),
      unpublish: async (...args) => void seen.push(args.slice(0, 2) as string[]),
    },
  });
  await edge.client.call('NodeUnpublishVolume', { volumeId: 'gone', targetPath: '/t' });
  await edge.client.call('NodeUnstageVolume', { volumeId: 'gone', stagingTargetPath: '/s' });
  assert.deepEqual(seen, [
    ['gone', '/t'],
    ['gone', '/s'],
  ]);
});

test('stats tell bytes and inodes of a file system, and only the size of a block volume', async () => {
  const bytes = { total: 9007199254740993n, used: 1n, available: 2n };
  const inodes = { total: 30n, used: 10n, free: 20n };
  const usage = async (block: boolean): Promise<unknown> => {
    await using edge = await openEdge({ node: { stats: async () => ({ bytes, inodes, block }) } });
    return (await edge.client.call('NodeGetVolumeStats', { volumeId: id, volumePath: '/t' })).usage;
  };
  assert.deepEqual(await usage(false), [
    { unit: 'BYTES', total: '9007199254740993', used: '1', available: '2' },
    { unit: 'INODES', total: '30', used: '10', available: '20' },
  ]);
  assert.deepEqual(await usage(true), [{ unit: 'BYTES', total: '9007199254740993', used: '0', available: '0' }]);
});

test('NodeExpandVolume tells the size that it came to', async () => {
  let seen: unknown;
  await using edge = await openEdge({
    node: {
      expand: async (volume, path, range) => {
        seen = [volume, path, range];
        return 1n << 40n;
      },
    },
  });
  const answer = await edge.client.call('NodeExpandVolume', { volumeId: id, volumePath: '/t', capacityRange: { requiredBytes: '5' } });
  assert.deepEqual(seen, [id, '/t', { requiredBytes: 5n }]);
  assert.deepEqual(answer, { capacityBytes: String(1n << 40n) });
});

test('NodeGetVolumeHealth asks at the published path, else at the staged one, else nowhere in particular', async () => {
  const paths: (string | undefined)[] = [];
  await using edge = await openEdge({
    node: {
      health: async (_id, path) => {
        paths.push(path);
        return [];
      },
    },
  });
  await edge.client.call('NodeGetVolumeHealth', { volumeId: id, volumePublishPath: '/t', stagingTargetPath: '/s' });
  await edge.client.call('NodeGetVolumeHealth', { volumeId: id, stagingTargetPath: '/s' });
  const { volumeHealth } = await edge.client.call('NodeGetVolumeHealth', { volumeId: id });
  assert.deepEqual(paths, ['/t', '/s', undefined]);
  assert.deepEqual(volumeHealth, { volumeId: id, healthStatuses: [] });
});
