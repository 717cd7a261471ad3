import { setTimeout as delay } from 'node:timers/promises';
import type { AgentAddress, Dialer } from '../../../src/channel/api.ts';
import { UnreachableError } from '../../../src/channel/errors.ts';
import { Agents, type AgentsOptions } from '../../../src/cluster/agents.ts';
import type { ClaimedVolume, ClusterView, Discovery, GoneNode, GoneNodes, PoolOutline } from '../../../src/cluster/api.ts';
import { type ForwardingDeps, forwardingRpcs } from '../../../src/cluster/rpcs.ts';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import type { ControllerMethods } from '../../../src/csi/definitions.ts';
import type { Rpcs } from '../../../src/csi/rpc.ts';
import { topologyOf } from '../../../src/csi/topology.ts';
import type { Call } from '../../../src/pool/api.ts';
import { DRIVER, FakeChannel, FakeNode, GIB } from './fake-node.ts';

export { DRIVER, FakeChannel, FakeNode, GIB, MIB, pageOf } from './fake-node.ts';

/** A controller over agents in memory, behind real connections of the cluster layer. */

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
  segments?: Readonly<Record<string, string>>,
): Pick<PoolOutline, 'config' | 'isDefault' | 'scope'> => ({
  config: { name, ...(segments === undefined ? {} : { segments }) } as PoolOutline['config'],
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
  readonly dials: Dials;
  node(name: string): FakeNode;
}

export interface Dials {
  count: number;
  running: number;
  most: number;
}

/** Small, so that what is tried again is tried again soon; a call dials again at once. */
export const TIMING = { answerMs: 2000, refreshMs: 10, backoffMs: 2, backoffMostMs: 10, restMs: 0, tickMs: 5 };

export interface FleetOptions extends Partial<Pick<ForwardingDeps, 'pools' | 'global'>> {
  readonly timing?: AgentsOptions['timing'];
  /** Another controller is in charge. */
  readonly standby?: boolean;
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
  const dials: Dials = { count: 0, running: 0, most: 0 };
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
  if (options.standby !== true) agents.start();
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
  for (const link of agents.started ? agents.links() : []) {
    if (node(link.name).unreachable === undefined) await until(() => link.connected);
    else await until(() => link.reason !== 'it is being connected to');
  }
  return { ...fleet, node, [Symbol.dispose]: () => agents.close() };
}

function dialerOf(nodes: readonly FakeNode[], dials: Dials): Dialer {
  return {
    dial: async (address, { signal }) => {
      dials.count += 1;
      dials.most = Math.max(dials.most, ++dials.running);
      await delay(0, undefined, signal === undefined ? {} : { signal }).finally(() => {
        dials.running -= 1;
      });
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
