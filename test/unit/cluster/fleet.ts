import { setTimeout as delay } from 'node:timers/promises';
import type { AgentAddress, AgentChannel, ChannelAnswer, ChannelRequest, ChannelRpc, Dialer } from '../../../src/channel/api.ts';
import { UnreachableError } from '../../../src/channel/errors.ts';
import { Agents, type AgentsOptions } from '../../../src/cluster/agents.ts';
import type { ClaimedVolume, ClusterView, Discovery, GoneNode, GoneNodes, PoolOutline } from '../../../src/cluster/api.ts';
import { type ForwardingDeps, forwardingRpcs } from '../../../src/cluster/rpcs.ts';
import { ConvoyError, notFound } from '../../../src/convoy/errors.ts';
import { formatId, localId, nodeKey } from '../../../src/convoy/ids.ts';
import type { ControllerMethods } from '../../../src/csi/definitions.ts';
import type { Rpcs } from '../../../src/csi/rpc.ts';
import { topologyOf } from '../../../src/csi/topology.ts';
import type { Call } from '../../../src/pool/api.ts';

/** Agents in memory, behind real connections of the cluster layer: what a node answers, and when it does not. */

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

interface PageOf {
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

export class FakeDiscovery implements Discovery {
  #addresses: readonly AgentAddress[] | undefined;
  readonly #watching = new Set<() => void>();

  agents(): readonly AgentAddress[] {
    if (this.#addresses === undefined) throw new ConvoyError('Unavailable', 'no EndpointSlice was read yet');
    return this.#addresses;
  }
  watch(signal: AbortSignal, changed: () => void): void {
    this.#watching.add(changed);
    signal.addEventListener('abort', () => this.#watching.delete(changed), { once: true });
  }
  set(addresses: readonly AgentAddress[]): void {
    this.#addresses = addresses;
    for (const changed of this.#watching) changed();
  }
}

export class FakeGoneNodes implements GoneNodes {
  /** What `list` throws instead. */
  unread: Error | undefined;
  #nodes: readonly GoneNode[] = [];
  list(): readonly GoneNode[] {
    if (this.unread !== undefined) throw this.unread;
    return this.#nodes;
  }
  async add(node: GoneNode): Promise<void> {
    this.#nodes = [...this.#nodes, node];
  }
  async remove(nodeName: string): Promise<void> {
    this.#nodes = this.#nodes.filter((gone) => gone.nodeName !== nodeName);
  }
}

export class FakeView implements ClusterView {
  volumes: ClaimedVolume[] = [];
  readonly nodes = new Map<string, { uid: string; ready: boolean }>();
  failure: Error | undefined;
  asked = 0;
  async persistentVolumes(): Promise<readonly ClaimedVolume[]> {
    this.asked += 1;
    if (this.failure !== undefined) throw this.failure;
    return this.volumes;
  }
  async node(name: string): Promise<{ uid: string; ready: boolean } | undefined> {
    if (this.failure !== undefined) throw this.failure;
    return this.nodes.get(name);
  }
}

export const aClaim = (volumeId: string, changes: Partial<ClaimedVolume> = {}): ClaimedVolume => ({
  pvName: `pv-${volumeId.slice(-4)}`,
  volumeId,
  phase: 'Bound',
  sizeBytes: GIB,
  createdAt: 0,
  ...changes,
});

export const aPool = (
  name: string,
  isDefault = false,
  scope: 'local' | 'global' = 'local',
): Pick<PoolOutline, 'config' | 'isDefault' | 'scope'> => ({
  config: { name } as PoolOutline['config'],
  isDefault,
  scope,
});

export interface LogLine {
  readonly level: 'info' | 'warn';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export const addressOf = (node: FakeNode, changes: Partial<AgentAddress> = {}): AgentAddress => ({
  nodeName: node.name,
  host: '192.0.2.1',
  port: 9809,
  podUid: `pod-${node.name}`,
  serving: true,
  ...changes,
});

export interface Fleet extends Disposable {
  readonly nodes: readonly FakeNode[];
  readonly discovery: FakeDiscovery;
  readonly goneNodes: FakeGoneNodes;
  readonly view: FakeView;
  readonly agents: Agents;
  readonly rpcs: Rpcs<ControllerMethods>;
  readonly lines: LogLine[];
  readonly dials: AgentAddress[];
  node(name: string): FakeNode;
}

/** Small, so that what is tried again is tried again soon; a call dials again at once. */
export const TIMING = { answerMs: 2000, refreshMs: 10, backoffMs: 2, backoffMostMs: 10, restMs: 0, tickMs: 5 };

export interface FleetOptions extends Partial<Pick<ForwardingDeps, 'pools' | 'global'>> {
  readonly timing?: AgentsOptions['timing'];
  readonly outsideKubernetes?: boolean;
  readonly addresses?: readonly AgentAddress[];
  /** As made, before anything is dialled. */
  readonly prepare?: (nodes: readonly FakeNode[]) => void;
}

/** A controller over nodes of these names, connected to all that can be reached. */
export async function startFleet(names: readonly string[], options: FleetOptions = {}): Promise<Fleet> {
  const nodes = names.map((name) => new FakeNode(name));
  options.prepare?.(nodes);
  const discovery = new FakeDiscovery();
  const goneNodes = new FakeGoneNodes();
  const view = new FakeView();
  const lines: LogLine[] = [];
  const dials: AgentAddress[] = [];
  const log = {
    info: (fields: LogLine['fields'], message: string) => void lines.push({ level: 'info', fields, message }),
    warn: (fields: LogLine['fields'], message: string) => void lines.push({ level: 'warn', fields, message }),
  };
  discovery.set(options.addresses ?? nodes.map((node) => addressOf(node)));
  const agents = new Agents({
    discovery,
    dialer: dialerOf(nodes, dials),
    goneNodes,
    version: '0.4.1',
    whereToLook: 'is its pod running? (kubectl -n convoy-csi get pods)',
    log,
    timing: options.timing ?? TIMING,
  });
  agents.start();
  const rpcs = forwardingRpcs({
    agents,
    goneNodes,
    view: options.outsideKubernetes === true ? undefined : view,
    pools: options.pools ?? [aPool('fast', true), aPool('slow')],
    driverName: DRIVER,
    advertised: { plugin: [], expandsOnline: true, controller: [], node: [] },
    log,
    ...(options.global === undefined ? {} : { global: options.global }),
  });
  const fleet = { nodes, discovery, goneNodes, view, agents, rpcs, lines, dials };
  const node = (name: string): FakeNode => {
    const found = nodes.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no node ${name} in the fleet`);
    return found;
  };
  for (const link of agents.links()) {
    if (node(link.name).unreachable === undefined) await until(() => link.connected);
    else await until(() => link.reason !== 'it is being connected to');
  }
  return { ...fleet, node, [Symbol.dispose]: () => agents.close() };
}

function dialerOf(nodes: readonly FakeNode[], dials: AgentAddress[]): Dialer {
  return {
    dial: async (address, { signal }) => {
      dials.push(address);
      await delay(0, undefined, signal === undefined ? {} : { signal });
      const node = nodes.find(({ name }) => name === address.nodeName);
      if (node === undefined) throw new UnreachableError('connection refused');
      if (node.unreachable !== undefined) throw node.unreachable;
      const channel = new FakeChannel(node, address);
      node.channels.push(channel);
      return channel;
    },
  };
}

/** The connection is lost, and no new one is made. */
export async function cut({ agents }: Fleet, node: FakeNode, error: Error = new UnreachableError('connection refused')): Promise<void> {
  node.unreachable = error;
  for (const channel of node.channels) channel.usable = false;
  await until(() => agents.link(node.key)?.reason === error.message);
}

export async function until(condition: () => boolean): Promise<void> {
  // Far more than it takes: a test that fails should say so, not hang.
  for (let tries = 0; tries < 5000; tries++) {
    if (condition()) return;
    await delay(2);
  }
  throw new Error(`never came true: ${condition.toString()}`);
}

export const aCall = (changes: Partial<Call> = {}): Call => ({
  signal: new AbortController().signal,
  secrets: {},
  requestId: 'r-1',
  ...changes,
});

export const segments = (...names: string[]): { segments: Record<string, string> }[] =>
  names.map((name) => topologyOf(DRIVER, name) as never);

type CreateRequest = ControllerMethods['CreateVolume']['received'];
export const createRequest = (name: string, changes: Partial<CreateRequest> = {}): CreateRequest => ({
  name,
  capacityRange: { requiredBytes: String(GIB), limitBytes: '0' },
  volumeCapabilities: [{ accessMode: { mode: 'SINGLE_NODE_WRITER' }, mount: { fsType: '', mountFlags: [], volumeMountGroup: '' } }],
  parameters: {},
  secrets: {},
  volumeContentSource: null,
  accessibilityRequirements: null,
  mutableParameters: {},
  ...changes,
});

/** `code: message` of what a call threw. */
export async function failureOf(work: unknown): Promise<{ code: string; message: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ConvoyError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('it succeeded');
}
