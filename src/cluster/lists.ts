import { type ObjectKind, parseId } from '../convoy/ids.ts';
import type { ControllerMethods } from '../csi/definitions.ts';
import { parsePage } from '../csi/paging.ts';
import type { Rpc } from '../csi/rpc.ts';
import type { Call } from '../pool/api.ts';
import type { Members } from './members.ts';
import type { Ownership } from './own.ts';
import { type Ask, type Part, pageOver } from './pages.ts';
import type { Router } from './router.ts';

export interface ListDeps {
  readonly router: Router;
  readonly own: Ownership;
  readonly members: Members;
}

type ListRpc = 'ListVolumes' | 'ListSnapshots' | 'ControllerListVolumeHealth';
type Request<Name extends ListRpc> = ControllerMethods[Name]['received'];
type Entry<Name extends ListRpc> = NonNullable<ControllerMethods[Name]['response']['entries']>[number];

/** Lists over all nodes and the global pools. */
export const listRpcs = (deps: ListDeps) =>
  ({
    ListVolumes: (request, call) =>
      list(
        deps,
        request,
        ask<'ListVolumes'>(deps, 'ListVolumes', request, call, (key, { volume }) => deps.own.volume(key, volume)),
      ),
    ControllerListVolumeHealth: (request, call) =>
      list(
        deps,
        request,
        ask<'ControllerListVolumeHealth'>(deps, 'ControllerListVolumeHealth', request, call, (key, { volumeId }) =>
          deps.own.id(key, 'volume', volumeId),
        ),
      ),
    ListSnapshots: async (request, call) => {
      const one = onePlace(request);
      if (one === 'nothing') {
        parsePage(request);
        return { entries: [], nextToken: '' };
      }
      if (one !== undefined) deps.router.refuseUnserved(one.text, one);
      const check = (key: string, { snapshot }: Entry<'ListSnapshots'>): void => deps.own.snapshot(key, snapshot);
      return list(deps, request, ask<'ListSnapshots'>(deps, 'ListSnapshots', request, call, check), one?.node);
    },
  }) satisfies { readonly [Name in ListRpc]: Rpc<Name> };

interface Place {
  readonly node: string;
  readonly pool: string;
  /** For people. */
  readonly text: string;
}

/** Where a filter leads; `nothing` for a filter that is no id of ours: it matches nothing, which is no error (spec.md). */
function onePlace({ snapshotId, sourceVolumeId }: Request<'ListSnapshots'>): Place | 'nothing' | undefined {
  const ofSnapshot = snapshotId === '' ? undefined : placeOf('snapshot', snapshotId);
  const ofSource = sourceVolumeId === '' ? undefined : placeOf('volume', sourceVolumeId);
  if (ofSnapshot === 'nothing' || ofSource === 'nothing') return 'nothing';
  if (ofSnapshot === undefined || ofSource === undefined) return ofSnapshot ?? ofSource;
  // A snapshot is where its volume was.
  return ofSnapshot.node === ofSource.node ? ofSnapshot : 'nothing';
}

function placeOf(kind: ObjectKind, id: string): Place | 'nothing' {
  const parsed = parseId(id, kind);
  return parsed === undefined ? 'nothing' : { node: parsed.node, pool: parsed.pool, text: `${kind} ${id}` };
}

async function list<E>(
  { router, members }: ListDeps,
  request: { readonly maxEntries: number; readonly startingToken: string },
  asked: Ask<E>,
  one?: string,
): Promise<{ entries: E[]; nextToken: string }> {
  const page = parsePage(request);
  const isGone = (key: string): boolean => router.agents.goneNode(key) !== undefined;
  const keys = one === undefined ? await members.keys() : [one].filter((key) => !isGone(key));
  const { entries, nextToken } = await pageOver({ keys, isGone, page }, asked);
  return { entries: [...entries], nextToken };
}

function ask<Name extends ListRpc>(
  { router }: ListDeps,
  rpc: Name,
  request: Request<Name>,
  call: Call,
  check: (key: string, entry: Entry<Name>) => void,
): Ask<Entry<Name>> {
  return async (key, page): Promise<Part<Entry<Name>>> => {
    const { entries = [], nextToken = '' } = await router.send(key, rpc, { ...request, ...page }, call);
    for (const entry of entries) check(key, entry);
    return { entries, nextToken };
  };
}
