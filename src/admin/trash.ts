import type { Snapshot, Volume } from '../pool/api.ts';
import { snapshotMessage, trashMessage, volumeMessage } from './messages.ts';
import { resolveTrashItem } from './resolve.ts';
import type { UnaryRpc } from './rpc.ts';
import { assertPool } from './volumes.ts';

export const listTrash: UnaryRpc<'ListTrash'> = async ({ pools }, request) => {
  await assertPool(pools, request.pool);
  return { items: (await pools.listTrash(request.pool === '' ? undefined : request.pool)).map(trashMessage) };
};

export const undeleteVolume: UnaryRpc<'UndeleteVolume'> = async ({ pools }, request, call) => {
  await assertPool(pools, request.pool);
  const item = await resolveTrashItem(pools, request.pool, request.item);
  const restored = await pools.undelete(item.pool, item.entry, call);
  return isSnapshot(restored) ? { snapshot: snapshotMessage(restored) } : { volume: volumeMessage(restored) };
};

const isSnapshot = (object: Volume | Snapshot): object is Snapshot => 'readyToUse' in object;
