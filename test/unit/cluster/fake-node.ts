import type { AgentAddress, AgentChannel, ChannelAnswer, ChannelRequest, ChannelRpc } from '../../../src/channel/api.ts';
import { UnreachableError } from '../../../src/channel/errors.ts';
import { ConvoyError, notFound } from '../../../src/convoy/errors.ts';
import { formatId, localId, nodeKey } from '../../../src/convoy/ids.ts';
import { topologyOf } from '../../../src/csi/topology.ts';

/** An agent in memory: what a node answers, and when it does not. */

export const DRIVER = 'csi.example.org';
export const MIB = 1n << 20n;
export const GIB = 1n << 30n;

type Handler<Name extends ChannelRpc> = (
  request: ChannelRequest<Name>,
  options: { readonly deadline?: number; readonly signal?: AbortSignal },
) => Promise<ChannelAnswer<Name>> | ChannelAnswer<Name>;
type Handlers = { -readonly [Name in ChannelRpc]?: Handler<Name> };

export interface Asked {
  readonly rpc: ChannelRpc;
  readonly request: unknown;
  readonly deadline: number | undefined;
}

interface Held {
  readonly name: string;
  readonly bytes: bigint;
  readonly createdAt: number;
}

export class FakeNode {
  readonly name: string;
  readonly key: string;
  version = '0.4.0';
  pools: { name: string; driver: string; open: boolean; reason: string }[] = [{ name: 'fast', driver: 'vfs', open: true, reason: '' }];
  room = 10n * GIB;
  /** What a dial throws; undefined = it connects. */
  unreachable: Error | undefined;
  readonly volumes = new Map<string, Held>();
  readonly snapshots = new Map<string, string>();
  readonly asked: Asked[] = [];
  readonly told: { admitted?: boolean; reason?: string }[] = [];
  /** Instead of the usual answer. */
  readonly handlers: Handlers = {};
  readonly channels: FakeChannel[] = [];

  constructor(name: string) {
    this.name = name;
    this.key = nodeKey(name);
  }

  volumeId = (name: string, pool = 'fast'): string => formatId(pool, this.key, localId('volume', name));
  snapshotId = (name: string, pool = 'fast'): string => formatId(pool, this.key, localId('snapshot', name));

  addVolume(name: string, createdAt = 0, bytes = GIB): string {
    const id = this.volumeId(name);
    this.volumes.set(id, { name, bytes, createdAt });
    return id;
  }

  addSnapshot(name: string, source: string): string {
    const id = this.snapshotId(name);
    this.snapshots.set(id, source);
    return id;
  }

  fail(rpc: ChannelRpc, error: Error): void {
    Object.assign(this.handlers, { [rpc]: () => Promise.reject(error) });
  }

  /** RPCs of the Controller service that it was asked. */
  forwards(): readonly ChannelRpc[] {
    return this.asked.map(({ rpc }) => rpc).filter((rpc) => !['Admit', 'Describe'].includes(rpc));
  }

  count(rpc: ChannelRpc): number {
    return this.asked.filter((each) => each.rpc === rpc).length;
  }

  requests<Name extends ChannelRpc>(rpc: Name): readonly ChannelRequest<Name>[] {
    return this.asked.filter((each) => each.rpc === rpc).map(({ request }) => request as ChannelRequest<Name>);
  }

  async answer<Name extends ChannelRpc>(
    rpc: Name,
    request: ChannelRequest<Name>,
    options: { readonly deadline?: number; readonly signal?: AbortSignal },
  ): Promise<ChannelAnswer<Name>> {
    this.asked.push({ rpc, request, deadline: options.deadline });
    const handler = (this.handlers[rpc] ?? USUAL[rpc]) as ((this: FakeNode, request: unknown, options: unknown) => unknown) | undefined;
    if (handler === undefined) throw new Error(`the fake node has no answer to ${rpc}`);
    return (await handler.call(this, request, options)) as ChannelAnswer<Name>;
  }
}

export class FakeChannel implements AgentChannel {
  readonly agent: { readonly nodeName: string };
  readonly address: AgentAddress;
  usable = true;
  closed = false;
  readonly #node: FakeNode;

  constructor(node: FakeNode, address: AgentAddress) {
    this.#node = node;
    this.agent = { nodeName: node.name };
    this.address = address;
  }

  async call<Name extends ChannelRpc>(
    rpc: Name,
    request: ChannelRequest<Name>,
    options: { readonly deadline?: number; readonly signal?: AbortSignal },
  ): Promise<ChannelAnswer<Name>> {
    if (!this.usable) throw new UnreachableError('the connection was lost');
    return this.#node.answer(rpc, request, options);
  }

  close(): void {
    this.usable = false;
    this.closed = true;
  }
}

function volumeOf(node: FakeNode, id: string): object {
  const held = node.volumes.get(id);
  if (held === undefined) throw notFound(`volume ${id}`);
  return {
    volumeId: id,
    capacityBytes: String(held.bytes),
    volumeContext: {},
    contentSource: null,
    accessibleTopology: [topologyOf(DRIVER, node.name)],
  };
}

function snapshotOf(node: FakeNode, id: string): object {
  const source = node.snapshots.get(id);
  if (source === undefined) throw notFound(`snapshot ${id}`);
  return { snapshotId: id, sourceVolumeId: source, sizeBytes: '0', readyToUse: true, accessibleTopology: [topologyOf(DRIVER, node.name)] };
}

export interface PageOf {
  readonly maxEntries: number;
  readonly startingToken: string;
}

/** As a node's own lists: ordered by id, the token is the last id. */
export function pageOf<T>(
  ids: readonly string[],
  { maxEntries, startingToken }: PageOf,
  entry: (id: string) => T,
): { entries: T[]; nextToken: string } {
  const rest = [...ids].sort().filter((id) => id > startingToken);
  const page = maxEntries === 0 ? rest : rest.slice(0, maxEntries);
  return { entries: page.map(entry), nextToken: page.length < rest.length ? (page.at(-1) ?? '') : '' };
}

const USUAL: Record<string, (this: FakeNode, request: never) => unknown> = {
  Describe() {
    return { version: this.version, nodeName: this.name, nodeKey: this.key, pools: this.pools };
  },
  Admit(request: { admitted?: boolean; reason?: string }) {
    this.told.push(request);
    return {};
  },
  FindVolume({ name }: { name: string }) {
    const found = [...this.volumes].find(([, held]) => held.name === name);
    return { found: found !== undefined, volumeId: found?.[0] ?? '', closedPools: [] };
  },
  CreateVolume({ name, capacityRange }: { name: string; capacityRange: { requiredBytes: string } | null }) {
    const id = this.volumeId(name);
    const bytes = BigInt(capacityRange?.requiredBytes ?? GIB);
    if (!this.volumes.has(id)) {
      const used = [...this.volumes.values()].reduce((sum, held) => sum + held.bytes, 0n);
      if (used + bytes > this.room) throw new ConvoyError('NoSpace', 'no room for it');
      this.volumes.set(id, { name, bytes, createdAt: Date.now() });
    }
    return { volume: volumeOf(this, id) };
  },
  DeleteVolume({ volumeId }: { volumeId: string }) {
    this.volumes.delete(volumeId);
    return {};
  },
  ControllerGetVolume({ volumeId }: { volumeId: string }) {
    return { volume: volumeOf(this, volumeId), status: { publishedNodeIds: [] } };
  },
  ControllerGetVolumeHealth({ volumeId }: { volumeId: string }) {
    return { volumeHealth: { volumeId, healthStatuses: [] } };
  },
  ValidateVolumeCapabilities({ volumeId }: { volumeId: string }) {
    volumeOf(this, volumeId);
    return { confirmed: { volumeContext: {}, volumeCapabilities: [], parameters: {}, mutableParameters: {} }, message: '' };
  },
  ControllerExpandVolume({ volumeId }: { volumeId: string }) {
    volumeOf(this, volumeId);
    return { capacityBytes: String(2n * GIB), nodeExpansionRequired: false };
  },
  CreateSnapshot({ name, sourceVolumeId }: { name: string; sourceVolumeId: string }) {
    volumeOf(this, sourceVolumeId);
    return { snapshot: snapshotOf(this, this.addSnapshot(name, sourceVolumeId)) };
  },
  DeleteSnapshot({ snapshotId }: { snapshotId: string }) {
    this.snapshots.delete(snapshotId);
    return {};
  },
  GetSnapshot({ snapshotId }: { snapshotId: string }) {
    return { snapshot: snapshotOf(this, snapshotId) };
  },
  ListVolumes(request: PageOf) {
    return pageOf([...this.volumes.keys()], request, (id) => ({ volume: volumeOf(this, id), status: null }));
  },
  ControllerListVolumeHealth(request: PageOf) {
    return pageOf([...this.volumes.keys()], request, (volumeId) => ({ volumeId, healthStatuses: [] }));
  },
  ListSnapshots(request: PageOf & { snapshotId: string; sourceVolumeId: string }) {
    const ids = [...this.snapshots].filter(
      ([id, source]) =>
        (request.snapshotId === '' || request.snapshotId === id) && (request.sourceVolumeId === '' || request.sourceVolumeId === source),
    );
    return pageOf(
      ids.map(([id]) => id),
      request,
      (id) => ({ snapshot: snapshotOf(this, id) }),
    );
  },
  GetCapacity() {
    return {
      availableCapacity: String(this.room),
      maximumVolumeSize: { value: String(this.room) },
      minimumVolumeSize: { value: String(MIB) },
    };
  },
  ListInventory(request: PageOf) {
    const { entries, nextToken } = pageOf([...this.volumes.keys()], request, (volumeId) => {
      const held = this.volumes.get(volumeId);
      return {
        volumeId,
        name: held?.name ?? '',
        pool: 'fast',
        sizeBytes: String(held?.bytes ?? 0n),
        createdAt: { seconds: String(Math.floor((held?.createdAt ?? 0) / 1000)), nanos: ((held?.createdAt ?? 0) % 1000) * 1_000_000 },
      };
    });
    return { volumes: entries, nextToken };
  },
};
