import type { Consistency, HealthProblem, VolumeInfo } from '../convoy/contract.ts';
import { ConvoyError, invalid, isConvoyError } from '../convoy/errors.ts';
import { checkName, parseId } from '../convoy/ids.ts';
import type { OptionKey, ParsedCreateOptions } from '../convoy/options.ts';
import { parseCreateOptions } from '../convoy/options.ts';
import type { CreateVolumeInput, Pools, Volume, VolumeSource } from '../pool/api.ts';
import type { Received } from './definitions.ts';
import { snapshotMessage, volumeMessage } from './messages.ts';
import { resolveSnapshotId, resolveVolume, resolveVolumeId } from './resolve.ts';
import type { UnaryRpc } from './rpc.ts';

/** Options that an admin may give on create: all inputs of Convoy's but those that belong to other calls. */
const ADMIN_OPTIONS: readonly OptionKey[] = [
  'Size',
  'FileSystem',
  'Format',
  'VolumeDriverID',
  'VolumeType',
  'VolumeIOPS',
  'BackupURL',
  'PrepareForVM',
];

export const createVolume: UnaryRpc<'CreateVolume'> = async ({ pools }, request, call) => {
  const options = parseCreateOptions(request.options, ADMIN_OPTIONS);
  return { volume: volumeMessage(await pools.createVolume(await createInput(pools, request, options), call)) };
};

async function createInput(pools: Pools, request: Received<'CreateVolume'>, options: ParsedCreateOptions): Promise<CreateVolumeInput> {
  const source = await parseSource(pools, request);
  const consistency = parseConsistency(request.consistency);
  return {
    name: checkName('name', request.name),
    ...(request.pool === '' ? {} : { pool: request.pool }),
    range: options.sizeBytes === undefined ? {} : { requiredBytes: options.sizeBytes },
    use: { mount: !request.block, block: request.block, ...(options.fileSystem === undefined ? {} : { fsType: options.fileSystem }) },
    ...(source === undefined ? {} : { source }),
    options,
    driverParameters: { ...request.parameters },
    ...(consistency === undefined ? {} : { consistency }),
  };
}

async function parseSource(pools: Pools, request: Received<'CreateVolume'>): Promise<VolumeSource | undefined> {
  const { sourceSnapshot, sourceVolume } = request;
  if (sourceSnapshot !== '' && sourceVolume !== '') throw invalid('a snapshot and a volume are both given as the source: choose one');
  if (sourceSnapshot !== '') return { kind: 'snapshot', snapshotId: await resolveSnapshotId(pools, sourceSnapshot) };
  if (sourceVolume !== '') return { kind: 'volume', volumeId: await resolveVolumeId(pools, sourceVolume) };
  return undefined;
}

/** '' = undefined, the pool's own way. */
export function parseConsistency(text: string): Consistency | undefined {
  if (text === '' || text === 'point-in-time' || text === 'files') return text === '' ? undefined : text;
  throw invalid(`consistency is ${JSON.stringify(text)}; allowed are point-in-time, files`);
}

export const listVolumes: UnaryRpc<'ListVolumes'> = async ({ pools }, request) => {
  await assertPool(pools, request.pool);
  const page = await pools.listVolumes({ maxEntries: request.maxEntries, startingToken: request.startingToken });
  const volumes = page.entries.filter(({ pool }) => request.pool === '' || pool === request.pool);
  return { volumes: volumes.map(volumeMessage), nextToken: page.nextToken };
};

/** NotFound names the pools that there are; '' = all of them. */
export async function assertPool(pools: Pools, name: string): Promise<void> {
  if (name === '') return;
  const names = (await pools.status()).map(({ config }) => config.name);
  if (!names.includes(name))
    throw new ConvoyError('NotFound', `pool ${JSON.stringify(name)} is not configured; pools are ${names.join(', ')}`);
}

export const inspectVolume: UnaryRpc<'InspectVolume'> = async ({ pools, node }, request) => {
  const volume = await resolveVolume(pools, request.volume);
  const [facts, uses, problems, snapshots] = await Promise.all([
    readFacts(pools, volume),
    node.published(volume.id),
    pools.volumeHealth(volume.id),
    pools.listSnapshots({ sourceVolumeId: volume.id }, { maxEntries: 0, startingToken: '' }),
  ]);
  return {
    volume: volumeMessage(volume),
    details: { ...facts.info?.details },
    allocatedBytes: (facts.info?.allocatedBytes ?? 0n).toString(),
    uses: uses.map(({ kind, targetPath, readOnly }) => ({ kind, path: targetPath, readOnly })),
    problems: [...problems, ...facts.problems].map(({ status, reason, message }) => ({ status, reason, message })),
    snapshots: snapshots.entries.map(snapshotMessage),
  };
};

/** What the storage says; that it says nothing is a finding, not a failure of the call. */
async function readFacts(pools: Pools, volume: Volume): Promise<{ info?: VolumeInfo; problems: readonly HealthProblem[] }> {
  const parsed = parseId(volume.id, 'volume');
  if (parsed === undefined || volume.state !== 'ready') return { problems: [] };
  try {
    const { driver } = await pools.peekVolume(volume.id);
    return { info: await driver.operations.volume.getVolumeInfo(parsed.local), problems: [] };
  } catch (error) {
    if (!isConvoyError(error)) throw error;
    return { problems: [{ status: 'Inaccessible', reason: 'NoFacts', message: error.message }] };
  }
}

export const mountVolume: UnaryRpc<'MountVolume'> = async ({ pools, node }, request, call) => {
  const { id, use } = await resolveVolume(pools, request.volume);
  if (use.block && !use.mount)
    throw new ConvoyError(
      'Precondition',
      `volume ${id} is a raw block volume, so there is no file system to mount: use one made without --block`,
    );
  const mountPoint = request.mountPoint === '' ? undefined : request.mountPoint;
  return { path: await node.mount(id, mountPoint, { readOnly: request.readOnly }, call) };
};

export const umountVolume: UnaryRpc<'UmountVolume'> = async ({ pools, node }, request, call) => {
  const id = await resolveVolumeId(pools, request.volume);
  await node.umount(id, request.mountPoint === '' ? undefined : request.mountPoint, call);
  return {};
};

export const expandVolume: UnaryRpc<'ExpandVolume'> = async ({ pools, node }, request, call) => {
  const requiredBytes = BigInt(request.sizeBytes);
  if (requiredBytes <= 0n) throw invalid(`size is ${request.sizeBytes}; allowed is the new size of the volume in bytes`);
  const volume = await pools.expandVolume(await resolveVolumeId(pools, request.volume), { requiredBytes }, call);
  // What is mounted here grows with it; elsewhere the kubelet asks for that by itself.
  for (const use of await node.published(volume.id))
    if (!volume.use.block && !use.readOnly) await node.expand(volume.id, use.targetPath, {}, call);
  return { volume: volumeMessage(volume) };
};

export const deleteVolume: UnaryRpc<'DeleteVolume'> = async ({ pools }, request, call) => {
  const id = await resolveVolumeId(pools, request.volume);
  const { keptAs } = await pools.deleteVolume(id, { referenceOnly: request.referenceOnly }, call);
  return { id, keptAs: keptAs ?? '' };
};
