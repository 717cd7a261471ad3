import { checkName } from '../convoy/ids.ts';
import { snapshotMessage } from './messages.ts';
import { resolveSnapshot, resolveSnapshotId, resolveVolumeId } from './resolve.ts';
import type { UnaryRpc } from './rpc.ts';
import { parseConsistency } from './volumes.ts';

export const createSnapshot: UnaryRpc<'CreateSnapshot'> = async ({ pools }, request, call) => {
  const consistency = parseConsistency(request.consistency);
  const name = checkName('name', request.name);
  const sourceVolumeId = await resolveVolumeId(pools, request.volume);
  const snapshot = await pools.createSnapshot({ name, sourceVolumeId, ...(consistency === undefined ? {} : { consistency }) }, call);
  return { snapshot: snapshotMessage(snapshot) };
};

export const listSnapshots: UnaryRpc<'ListSnapshots'> = async ({ pools }, request) => {
  const filter = request.volume === '' ? {} : { sourceVolumeId: await resolveVolumeId(pools, request.volume) };
  const page = await pools.listSnapshots(filter, { maxEntries: request.maxEntries, startingToken: request.startingToken });
  return { snapshots: page.entries.map(snapshotMessage), nextToken: page.nextToken };
};

export const inspectSnapshot: UnaryRpc<'InspectSnapshot'> = async ({ pools }, request) => ({
  snapshot: snapshotMessage(await resolveSnapshot(pools, request.snapshot)),
});

export const deleteSnapshot: UnaryRpc<'DeleteSnapshot'> = async ({ pools }, request, call) => {
  const id = await resolveSnapshotId(pools, request.snapshot);
  await pools.deleteSnapshot(id, call);
  return { id };
};
