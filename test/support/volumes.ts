import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type AnswerOf, blockCapability, type Csi, callUntilDone, isCode, mountCapability, type RequestOf } from './csi.ts';

export type CsiVolume = NonNullable<AnswerOf<'CreateVolume'>['volume']>;
export type CsiSnapshot = NonNullable<AnswerOf<'CreateSnapshot'>['snapshot']>;

/** Creates, publishes and removes volumes as the sidecars and the kubelet do, below one directory. */
export interface VolumeUser {
  create(name: string, request?: CreateRequest): Promise<CsiVolume>;
  snapshot(name: string, volumeId: string): Promise<CsiSnapshot>;
  /** Stages and publishes; returns the target. `tag` keeps several targets of one volume apart. */
  publish(volumeId: string, options?: PublishOptions): Promise<string>;
  /** Unpublishes and unstages, and removes the directories that a kubelet would. */
  unpublish(volumeId: string, options?: { readonly tag?: string; readonly unstage?: boolean }): Promise<void>;
  stagingPath(volumeId: string): string;
  targetPath(volumeId: string, tag?: string): string;
}
export interface CreateRequest {
  readonly pool?: string;
  readonly sizeBytes?: bigint;
  /** No larger than that either: without it a volume that is larger already will do. */
  readonly exact?: boolean;
  readonly fsType?: string;
  readonly block?: boolean;
  readonly fromSnapshot?: string;
  readonly fromVolume?: string;
}
export interface PublishOptions {
  /** Default: SINGLE_NODE_MULTI_WRITER. */
  readonly mode?: 'MULTI_NODE_MULTI_WRITER';
  readonly tag?: string;
  readonly fsType?: string;
  readonly block?: boolean;
  readonly readonly?: boolean;
}

export function volumeUser(csi: Csi, directory: string): VolumeUser {
  const stagingPath = (volumeId: string): string => join(directory, 'staging', volumeId);
  const targetPath = (volumeId: string, tag = 'target'): string => join(directory, 'pods', tag, volumeId);
  return {
    stagingPath,
    targetPath,
    create: async (name, request = {}) => given((await callUntilDone(csi, 'CreateVolume', createVolumeRequest(name, request))).volume),
    snapshot: async (name, sourceVolumeId) => given((await callUntilDone(csi, 'CreateSnapshot', { name, sourceVolumeId })).snapshot),
    publish: async (volumeId, options = {}) => {
      const requests = publishRequests(volumeId, stagingPath(volumeId), targetPath(volumeId, options.tag), options);
      mkdirSync(stagingPath(volumeId), { recursive: true });
      mkdirSync(join(directory, 'pods', options.tag ?? 'target'), { recursive: true });
      await callUntilDone(csi, 'NodeStageVolume', requests.stage);
      await callUntilDone(csi, 'NodePublishVolume', requests.publish);
      return targetPath(volumeId, options.tag);
    },
    unpublish: async (volumeId, { tag, unstage = true } = {}) => {
      const target = targetPath(volumeId, tag);
      await callUntilDone(csi, 'NodeUnpublishVolume', { volumeId, targetPath: target });
      if (existsSync(target)) throw new Error(`NodeUnpublishVolume left ${target}`);
      if (!unstage) return;
      await callUntilDone(csi, 'NodeUnstageVolume', { volumeId, stagingTargetPath: stagingPath(volumeId) });
      rmSync(stagingPath(volumeId), { recursive: true, force: true });
    },
  };
}

export function createVolumeRequest(
  name: string,
  { pool, sizeBytes, exact, fsType, block, fromSnapshot, fromVolume }: CreateRequest = {},
): object {
  return {
    name,
    capacityRange:
      sizeBytes === undefined ? null : { requiredBytes: String(sizeBytes), limitBytes: exact === true ? String(sizeBytes) : '0' },
    volumeCapabilities: [block === true ? blockCapability() : mountCapability(fsType)],
    parameters: pool === undefined ? {} : { pool },
    volumeContentSource:
      fromSnapshot !== undefined
        ? { snapshot: { snapshotId: fromSnapshot } }
        : fromVolume !== undefined
          ? { volume: { volumeId: fromVolume } }
          : null,
  };
}

export function publishRequests(
  volumeId: string,
  stagingTargetPath: string,
  targetPath: string,
  options: PublishOptions = {},
): { readonly stage: RequestOf<'NodeStageVolume'>; readonly publish: RequestOf<'NodePublishVolume'> } {
  const { mode = 'SINGLE_NODE_MULTI_WRITER' } = options;
  const volumeCapability = options.block === true ? blockCapability(mode) : mountCapability(options.fsType, mode);
  return {
    stage: { volumeId, stagingTargetPath, volumeCapability },
    publish: { volumeId, stagingTargetPath, targetPath, volumeCapability, readonly: options.readonly === true },
  };
}

export async function listVolumes(csi: Csi, maxEntries = 0): Promise<CsiVolume[]> {
  return await everyPage(async (startingToken) => {
    const { entries, nextToken } = await callUntilDone(csi, 'ListVolumes', { maxEntries, startingToken });
    return { items: entries.map(({ volume }) => given(volume)), nextToken };
  });
}

/** None where the driver has no snapshots. */
export async function listSnapshots(csi: Csi, maxEntries = 0): Promise<CsiSnapshot[]> {
  return await everyPage(async (startingToken) => {
    try {
      const { entries, nextToken } = await callUntilDone(csi, 'ListSnapshots', { maxEntries, startingToken });
      return { items: entries.map(({ snapshot }) => given(snapshot)), nextToken };
    } catch (error) {
      if (!isCode(error, 'UNIMPLEMENTED')) throw error;
      return { items: [], nextToken: '' };
    }
  });
}

async function everyPage<T>(
  read: (startingToken: string) => Promise<{ readonly items: readonly T[]; readonly nextToken: string }>,
): Promise<T[]> {
  const all: T[] = [];
  for (let token = ''; ; ) {
    const { items, nextToken } = await read(token);
    all.push(...items);
    if (nextToken === '') return all;
    token = nextToken;
  }
}

/** A message field that the specification requires to be there. */
export function given<T>(field: T | null | undefined): T {
  if (field === null || field === undefined) throw new Error('a required field of the answer is missing');
  return field;
}
