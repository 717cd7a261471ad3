import type { ForwardedRpc } from '../channel/api.ts';
import { ConvoyError, invalid, isConvoyError, notFound } from '../convoy/errors.ts';
import { checkName, type ObjectKind, parseId } from '../convoy/ids.ts';
import { parseCapabilities } from '../csi/capability.ts';
import type { CsiMethods } from '../csi/definitions.ts';
import { parseSnapshotParameters } from '../csi/parameters.ts';
import { map, parseRange, requiredId } from '../csi/parse.ts';
import type { Rpc } from '../csi/rpc.ts';
import type { Log } from '../observe/log.ts';
import type { Call } from '../pool/api.ts';
import { wasOnGone } from './gone.ts';
import type { NameMemory } from './name-memory.ts';
import type { Ownership } from './own.ts';
import type { Router } from './router.ts';
import type { SnapshotNames } from './snapshot-names.ts';

export interface ByIdDeps {
  readonly router: Router;
  readonly own: Ownership;
  readonly names: NameMemory;
  readonly snapshotNames: SnapshotNames;
  readonly log: Pick<Log, 'warn'>;
}

type ById = ReturnType<typeof byIdRpcs>;

/** Calls on one object: its id names the node, or a global pool. What can be told without the node is told before it is asked. */
export const byIdRpcs = (deps: ByIdDeps) =>
  ({
    DeleteVolume: async (request, call) => {
      const id = requiredId('volume_id', request.volumeId);
      const answer = await remove(deps, 'DeleteVolume', 'volume', id, request, call);
      deps.names.forgetId(id);
      return answer;
    },
    DeleteSnapshot: async (request, call) => {
      const id = requiredId('snapshot_id', request.snapshotId);
      const answer = await remove(deps, 'DeleteSnapshot', 'snapshot', id, request, call);
      deps.snapshotNames.forgetId(id);
      return answer;
    },
    ControllerGetVolume: async (request, call) => {
      const id = requiredId('volume_id', request.volumeId);
      const [key, answer] = await send(deps, 'ControllerGetVolume', 'volume', id, request, call);
      deps.own.volume(key, answer.volume, id);
      return answer;
    },
    ControllerGetVolumeHealth: async (request, call) => {
      const id = requiredId('volume_id', request.volumeId);
      const [key, answer] = await send(deps, 'ControllerGetVolumeHealth', 'volume', id, request, call);
      deps.own.id(key, 'volume', answer.volumeHealth?.volumeId, id);
      return answer;
    },
    ValidateVolumeCapabilities: async (request, call) => {
      const id = requiredId('volume_id', request.volumeId);
      parseCapabilities('volume_capabilities', request.volumeCapabilities);
      map('volume_context', request.volumeContext);
      const [, answer] = await send(deps, 'ValidateVolumeCapabilities', 'volume', id, request, call);
      return answer;
    },
    ControllerExpandVolume: async (request, call) => {
      const id = requiredId('volume_id', request.volumeId);
      const range = parseRange(request.capacityRange);
      if (range.requiredBytes === undefined && range.limitBytes === undefined)
        throw invalid('capacity_range is required, with required_bytes or limit_bytes above 0');
      const [, answer] = await send(deps, 'ControllerExpandVolume', 'volume', id, request, call);
      return answer;
    },
    CreateSnapshot: async (request, call) => {
      checkName('name', request.name);
      parseSnapshotParameters(request.parameters);
      const id = requiredId('source_volume_id', request.sourceVolumeId);
      await refuseTakenName(deps, request.name, id, call);
      const [key, answer] = await send(deps, 'CreateSnapshot', 'volume', id, request, call);
      deps.own.snapshot(key, answer.snapshot);
      deps.snapshotNames.remember(request.name, answer.snapshot?.snapshotId ?? '');
      return answer;
    },
    GetSnapshot: async (request, call) => {
      const id = requiredId('snapshot_id', request.snapshotId);
      const [key, answer] = await send(deps, 'GetSnapshot', 'snapshot', id, request, call);
      deps.own.snapshot(key, answer.snapshot, id);
      return answer;
    },
  }) satisfies { readonly [Name in ForwardedRpc]?: Rpc<Name> };

export type ByIdRpc = keyof ById;

/** A name stands for one snapshot in the whole cluster, although each node knows its own alone. */
async function refuseTakenName(deps: ByIdDeps, name: string, volumeId: string, call: Call): Promise<void> {
  const snapshotId = deps.snapshotNames.elsewhere(name, parseId(volumeId, 'volume')?.node ?? '');
  if (snapshotId === undefined) return;
  try {
    await send(deps, 'GetSnapshot', 'snapshot', snapshotId, { snapshotId, secrets: {} }, call);
  } catch (error) {
    if (!isConvoyError(error, 'NotFound')) throw error;
    deps.snapshotNames.forgetId(snapshotId);
    return;
  }
  throw new ConvoyError('AlreadyExists', `snapshot ${JSON.stringify(name)} exists, of another volume: ${snapshotId}`);
}

/** To the node that the id names, or the global pools: its key, and what was answered. */
async function send<Name extends ForwardedRpc>(
  { router }: ByIdDeps,
  rpc: Name,
  kind: ObjectKind,
  id: string,
  request: CsiMethods[Name]['received'],
  call: Call,
): Promise<readonly [string, CsiMethods[Name]['response']]> {
  const parsed = parseId(id, kind);
  if (parsed === undefined) throw notFound(`${kind} ${JSON.stringify(id.slice(0, 128))}`);
  router.refuseUnserved(`${kind} ${id}`, parsed);
  const gone = router.agents.goneNode(parsed.node);
  if (gone !== undefined) throw wasOnGone(kind, id, gone);
  return [parsed.node, await router.send(parsed.node, rpc, request, call)];
}

/** What does not parse was never handed out by us; what was on a node that is gone has been released: both are deleted already. */
async function remove<Name extends 'DeleteVolume' | 'DeleteSnapshot'>(
  deps: ByIdDeps,
  rpc: Name,
  kind: ObjectKind,
  id: string,
  request: CsiMethods[Name]['received'],
  call: Call,
): Promise<CsiMethods[Name]['response']> {
  const parsed = parseId(id, kind);
  if (parsed === undefined) return {};
  deps.router.refuseUnserved(`${kind} ${id}`, parsed);
  const gone = deps.router.agents.goneNode(parsed.node);
  if (gone === undefined) return deps.router.send(parsed.node, rpc, request, call);
  const key = kind === 'volume' ? 'volume_id' : 'snapshot_id';
  deps.log.warn(
    { [key]: id, node: gone.nodeName, request_id: call.requestId },
    `${kind} deleted without its node, which was declared gone: what is left of it there is the admin's to remove`,
  );
  return {};
}
