import type { ForwardedRpc } from '../../../src/channel/api.ts';
import type { GlobalPools } from '../../../src/cluster/router.ts';
import { ConvoyError, notFound } from '../../../src/convoy/errors.ts';
import { formatId, localId } from '../../../src/convoy/ids.ts';
import type { CsiMethods } from '../../../src/csi/definitions.ts';
import { GIB, MIB, type PageOf, pageOf } from './fake-node.ts';
import { aPool, type Fleet, type FleetOptions, startFleet } from './fleet.ts';

type Handler = (request: never) => unknown;

/** Pools in memory that the controller serves itself. */
export class FakeGlobal implements GlobalPools {
  readonly pool: string;
  room = 10n * GIB;
  segments: Readonly<Record<string, string>> | undefined;
  /** What `inventory` and `release` throw. */
  closed: Error | undefined;
  readonly volumes = new Map<string, { readonly name: string; readonly createdAt: number }>();
  readonly snapshots = new Map<string, string>();
  readonly asked: { readonly rpc: ForwardedRpc; readonly request: unknown }[] = [];
  /** Instead of the usual answer. */
  readonly handlers: Partial<Record<ForwardedRpc, Handler>> = {};

  constructor(pool = 'cloud') {
    this.pool = pool;
  }

  volumeId = (name: string): string => formatId(this.pool, 'global', localId('volume', name));
  snapshotId = (name: string): string => formatId(this.pool, 'global', localId('snapshot', name));

  addVolume(name: string, createdAt = 0): string {
    const id = this.volumeId(name);
    this.volumes.set(id, { name, createdAt });
    return id;
  }

  addSnapshot(name: string, source: string): string {
    const id = this.snapshotId(name);
    this.snapshots.set(id, source);
    return id;
  }

  requests(rpc: ForwardedRpc): readonly unknown[] {
    return this.asked.filter((each) => each.rpc === rpc).map(({ request }) => request);
  }

  fail(rpc: ForwardedRpc, error: Error): void {
    this.handlers[rpc] = () => Promise.reject(error);
  }

  async call<Name extends ForwardedRpc>(rpc: Name, request: CsiMethods[Name]['received']): Promise<CsiMethods[Name]['response']> {
    this.asked.push({ rpc, request });
    const handler = this.handlers[rpc] ?? this.#usual[rpc];
    if (handler === undefined) throw new Error(`the fake global pool has no answer to ${rpc}`);
    return (await handler(request as never)) as CsiMethods[Name]['response'];
  }

  async inventory(): ReturnType<GlobalPools['inventory']> {
    if (this.closed !== undefined) throw this.closed;
    return [...this.volumes].map(([volumeId, { name, createdAt }]) => ({ volumeId, pool: this.pool, name, sizeBytes: GIB, createdAt }));
  }

  readonly released: string[] = [];

  readonly holding = new Set<string>();

  async isHolder(nodeName: string): Promise<boolean> {
    return this.holding.has(nodeName);
  }

  async release(nodeName: string): Promise<void> {
    if (this.closed !== undefined) throw this.closed;
    this.released.push(nodeName);
  }

  readonly #usual: Partial<Record<ForwardedRpc, Handler>> = {
    CreateVolume: ({ name }: { name: string }) => {
      if (this.room < GIB) throw new ConvoyError('NoSpace', 'no room for it');
      return { volume: this.#volume(this.volumes.has(this.volumeId(name)) ? this.volumeId(name) : this.addVolume(name, Date.now())) };
    },
    DeleteVolume: ({ volumeId }: { volumeId: string }) => {
      this.volumes.delete(volumeId);
      return {};
    },
    ControllerGetVolume: ({ volumeId }: { volumeId: string }) => ({
      volume: this.#volume(volumeId),
      status: { publishedNodeIds: [] },
    }),
    CreateSnapshot: ({ name, sourceVolumeId }: { name: string; sourceVolumeId: string }) => ({
      snapshot: this.#snapshot(this.addSnapshot(name, sourceVolumeId)),
    }),
    DeleteSnapshot: ({ snapshotId }: { snapshotId: string }) => {
      this.snapshots.delete(snapshotId);
      return {};
    },
    GetSnapshot: ({ snapshotId }: { snapshotId: string }) => ({ snapshot: this.#snapshot(snapshotId) }),
    ListVolumes: (request: PageOf) => pageOf([...this.volumes.keys()], request, (id) => ({ volume: this.#volume(id), status: null })),
    ControllerListVolumeHealth: (request: PageOf) =>
      pageOf([...this.volumes.keys()], request, (volumeId) => ({ volumeId, healthStatuses: [] })),
    ListSnapshots: (request: PageOf & { snapshotId: string; sourceVolumeId: string }) =>
      pageOf(
        [...this.snapshots]
          .filter(([id, source]) => [id, ''].includes(request.snapshotId) && [source, ''].includes(request.sourceVolumeId))
          .map(([id]) => id),
        request,
        (id) => ({ snapshot: this.#snapshot(id) }),
      ),
    GetCapacity: ({ accessibleTopology }: { accessibleTopology: { segments: Record<string, string> } | null }) => {
      const term = accessibleTopology?.segments ?? {};
      const room = Object.entries(this.segments ?? {}).every(([key, value]) => !Object.hasOwn(term, key) || term[key] === value)
        ? this.room
        : 0n;
      return { availableCapacity: String(room), maximumVolumeSize: { value: String(room) }, minimumVolumeSize: { value: String(MIB) } };
    },
  };

  #volume(volumeId: string): object {
    if (!this.volumes.has(volumeId)) throw notFound(`volume ${volumeId}`);
    return { volumeId, capacityBytes: String(GIB), volumeContext: {}, contentSource: null, accessibleTopology: this.#topology() };
  }

  #snapshot(snapshotId: string): object {
    const sourceVolumeId = this.snapshots.get(snapshotId);
    if (sourceVolumeId === undefined) throw notFound(`snapshot ${snapshotId}`);
    return { snapshotId, sourceVolumeId, sizeBytes: '0', creationTime: null, readyToUse: true, accessibleTopology: this.#topology() };
  }

  #topology = (): object[] => (this.segments === undefined ? [] : [{ segments: this.segments }]);
}

/** A pool of the nodes, which is the default one, and one that the controller serves itself. */
export const CLOUD = [aPool('fast', true), aPool('cloud', false, 'global')];

export async function withGlobal(
  names: readonly string[] = ['a', 'b', 'c'],
  pools = CLOUD,
  options: FleetOptions = {},
): Promise<Fleet & { readonly global: FakeGlobal }> {
  const global = new FakeGlobal();
  return { ...(await startFleet(names, { ...options, pools, global })), global };
}
