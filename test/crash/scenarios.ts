import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Step } from '../../src/observe/steps.ts';
import { type PoolRig, SIZE } from '../support/pool-rig.ts';
import { writeSampleTree } from '../support/tree-hash.ts';
import { createVolumeRequest, type PublishOptions, publishRequests } from '../support/volumes.ts';

/** One call that may be killed, and the state in which it starts. */
export interface Scenario {
  readonly name: string;
  /** Steps that the call passes, by driver: a step named here that is not reached fails the test. */
  readonly steps: Readonly<Partial<Record<DriverName, readonly Step[]>>>;
  /** Makes the state before the call; what it returns is handed to `act`. */
  readonly prepare: (rig: PoolRig) => Promise<Ids>;
  /** The call. The same again after a crash, and once more after success. */
  readonly act: (rig: PoolRig, ids: Ids) => Promise<unknown>;
}
export type DriverName = 'vfs' | 'loop' | 'local';
interface Ids {
  readonly volumeId: string;
  readonly snapshotId: string;
}
const NONE: Ids = { volumeId: '', snapshotId: '' };

const CREATE: readonly Step[] = ['create.recorded', 'data.filled', 'data.named', 'create.filled', 'create.ready'];
const EMPTY_TRASH: readonly Step[] = ['delete.discarded', 'purge.started'];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'create a volume',
    steps: { vfs: CREATE, loop: CREATE, local: CREATE },
    prepare: async () => NONE,
    act: async ({ csi }) => await csi.call('CreateVolume', createVolumeRequest('made', { sizeBytes: SIZE })),
  },
  {
    name: 'create a volume from a snapshot',
    steps: { vfs: CREATE, loop: CREATE },
    prepare: async (rig) => await withSnapshot(rig),
    act: async ({ csi }, { snapshotId }) =>
      await csi.call('CreateVolume', createVolumeRequest('restored', { sizeBytes: SIZE, fromSnapshot: snapshotId })),
  },
  {
    name: 'clone a volume',
    steps: { vfs: CREATE, loop: CREATE },
    prepare: async (rig) => await withVolume(rig),
    act: async ({ csi }, { volumeId }) =>
      await csi.call('CreateVolume', createVolumeRequest('cloned', { sizeBytes: SIZE, fromVolume: volumeId })),
  },
  {
    name: 'snapshot a volume in use',
    steps: {
      vfs: ['snapshot.recorded', 'data.filled', 'data.named', 'snapshot.cut', 'snapshot.ready'],
      loop: ['snapshot.recorded', 'data.filled', 'data.named', 'snapshot.cut', 'snapshot.ready'],
    },
    prepare: async (rig) => await withVolume(rig),
    act: async ({ csi }, { volumeId }) => await csi.call('CreateSnapshot', { name: 'taken', sourceVolumeId: volumeId }),
  },
  {
    name: 'delete a volume',
    steps: { vfs: EMPTY_TRASH, loop: EMPTY_TRASH, local: ['delete.marked'] },
    prepare: async (rig) => {
      const ids = await withVolume(rig);
      await rig.user.unpublish(ids.volumeId);
      return ids;
    },
    act: async ({ csi }, { volumeId }) => await csi.call('DeleteVolume', { volumeId }),
  },
  {
    name: 'delete a volume that has a snapshot',
    steps: { vfs: EMPTY_TRASH, loop: EMPTY_TRASH },
    prepare: async (rig) => {
      const ids = await withSnapshot(rig);
      await rig.user.unpublish(ids.volumeId);
      return ids;
    },
    act: async ({ csi }, { volumeId }) => await csi.call('DeleteVolume', { volumeId }),
  },
  {
    name: 'delete a snapshot',
    steps: { vfs: EMPTY_TRASH, loop: EMPTY_TRASH },
    prepare: async (rig) => await withSnapshot(rig),
    act: async ({ csi }, { snapshotId }) => await csi.call('DeleteSnapshot', { snapshotId }),
  },
  {
    name: 'expand a volume in use',
    steps: { vfs: ['expand.grown', 'expand.recorded'], loop: ['expand.grown', 'expand.recorded'] },
    prepare: async (rig) => await withVolume(rig),
    act: async ({ csi }, { volumeId }) =>
      await csi.call('ControllerExpandVolume', { volumeId, capacityRange: { requiredBytes: String(2n * SIZE) } }),
  },
  {
    name: 'stage a new volume',
    steps: {
      vfs: ['stage.attached', 'stage.mounted'],
      loop: ['stage.attached', 'stage.formatting', 'stage.made', 'stage.formatted', 'stage.mounted'],
      local: ['stage.attached', 'stage.mounted'],
    },
    prepare: async (rig) => await withDirectories(rig, await newVolume(rig)),
    act: async (rig, { volumeId }) => await rig.csi.call('NodeStageVolume', requests(rig, volumeId).stage),
  },
  {
    name: 'stage a volume that holds data',
    steps: { vfs: ['stage.mounted'], loop: ['stage.attached', 'stage.mounted'] },
    prepare: async (rig) => {
      const ids = await withVolume(rig);
      await rig.user.unpublish(ids.volumeId);
      return await withDirectories(rig, ids);
    },
    act: async (rig, { volumeId }) => await rig.csi.call('NodeStageVolume', requests(rig, volumeId).stage),
  },
  {
    name: 'publish a staged volume',
    steps: {
      vfs: ['publish.target', 'publish.bound'],
      loop: ['publish.target', 'publish.bound'],
      local: ['publish.target', 'publish.bound'],
    },
    prepare: async (rig) => {
      const ids = await withVolume(rig);
      await rig.user.unpublish(ids.volumeId, { unstage: false });
      return ids;
    },
    act: async (rig, { volumeId }) => await rig.csi.call('NodePublishVolume', requests(rig, volumeId).publish),
  },
  {
    name: 'publish a block device',
    steps: { loop: ['stage.attached', 'publish.target', 'publish.bound'] },
    prepare: async (rig) => {
      const ids = await withBlockVolume(rig);
      await rig.user.unpublish(ids.volumeId, { unstage: false });
      return ids;
    },
    act: async (rig, { volumeId }) => await rig.csi.call('NodePublishVolume', requests(rig, volumeId, { block: true }).publish),
  },
  {
    name: 'unpublish a volume',
    steps: { vfs: ['unpublish.unbound'], loop: ['unpublish.unbound'], local: ['unpublish.unbound'] },
    prepare: async (rig) => await withVolume(rig),
    act: async (rig, { volumeId }) => await rig.csi.call('NodeUnpublishVolume', { volumeId, targetPath: rig.user.targetPath(volumeId) }),
  },
  {
    name: 'unpublish a block device',
    steps: { loop: ['unpublish.unbound'] },
    prepare: async (rig) => await withBlockVolume(rig),
    act: async (rig, { volumeId }) => await rig.csi.call('NodeUnpublishVolume', { volumeId, targetPath: rig.user.targetPath(volumeId) }),
  },
  {
    name: 'unstage a volume',
    steps: { vfs: ['unstage.unmounted'], loop: ['unstage.unmounted'], local: ['unstage.unmounted'] },
    prepare: async (rig) => {
      const ids = await withVolume(rig);
      await rig.user.unpublish(ids.volumeId, { unstage: false });
      return ids;
    },
    act: async (rig, { volumeId }) =>
      await rig.csi.call('NodeUnstageVolume', { volumeId, stagingTargetPath: rig.user.stagingPath(volumeId) }),
  },
];

async function newVolume(rig: PoolRig, block = false): Promise<Ids> {
  const { volumeId } = await rig.user.create('source', { sizeBytes: SIZE, block });
  return { volumeId, snapshotId: '' };
}

/** Published, with a sample of everything on it. */
async function withVolume(rig: PoolRig): Promise<Ids> {
  const ids = await newVolume(rig);
  writeSampleTree(await rig.user.publish(ids.volumeId));
  return ids;
}

async function withSnapshot(rig: PoolRig): Promise<Ids> {
  const { volumeId } = await withVolume(rig);
  const { snapshotId } = await rig.user.snapshot('source snapshot', volumeId);
  return { volumeId, snapshotId };
}

async function withBlockVolume(rig: PoolRig): Promise<Ids> {
  const ids = await newVolume(rig, true);
  rig.blocks.add(ids.volumeId);
  const device = openSync(await rig.user.publish(ids.volumeId, { block: true }), 'r+');
  writeSync(device, 'not a file system', 4096);
  closeSync(device);
  return ids;
}

/** The directories that the kubelet makes before it calls. */
async function withDirectories(rig: PoolRig, ids: Ids): Promise<Ids> {
  mkdirSync(rig.user.stagingPath(ids.volumeId), { recursive: true });
  mkdirSync(dirname(rig.user.targetPath(ids.volumeId)), { recursive: true });
  return ids;
}

const requests = (rig: PoolRig, volumeId: string, options: PublishOptions = {}): ReturnType<typeof publishRequests> =>
  publishRequests(volumeId, rig.user.stagingPath(volumeId), rig.user.targetPath(volumeId), options);
