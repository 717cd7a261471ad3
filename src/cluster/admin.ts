import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { nodeKey } from '../convoy/ids.ts';
import type { Log } from '../observe/log.ts';
import type { AgentLink } from './agent-link.ts';
import type { Agents } from './agents.ts';
import type { ClusterAdmin, ClusterView, GoneNode, GoneNodes, NodeStatus, Orphans } from './api.ts';
import type { Outline } from './create-request.ts';
import { nodesOf } from './members.ts';
import { findOrphans, YOUNG_MS } from './orphans.ts';
import { Ownership } from './own.ts';
import type { GlobalPools } from './router.ts';

export interface ClusterNodesOptions {
  readonly agents: Agents;
  readonly goneNodes: GoneNodes;
  /** Absent outside Kubernetes. */
  readonly view?: ClusterView | undefined;
  /** Pools that this process serves itself. */
  readonly global?: GlobalPools | undefined;
  readonly pools: readonly Outline[];
  readonly driverName: string;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** How long an admin waits for a node to show that it is still there. */
const ANSWER_MS = 5000;
/** Every node is asked for all its volumes: seldom enough, and often enough for an alert. */
const ORPHANS_EVERY_MS = 5 * 60_000;

/** What metrics show. Orphans as last counted; undefined before the first time and outside Kubernetes. */
export interface ClusterCounts {
  /** By state; empty while it is not known which there are. */
  readonly agents: Readonly<Record<string, number>>;
  readonly orphans?: {
    readonly volumes: number;
    readonly bytes: bigint;
    readonly claims: number;
    /** Nodes that could not be asked. */
    readonly silent: number;
    /** Epoch milliseconds. */
    readonly countedAt: number;
  };
}

/** The admin's view on the nodes, and the admin's word about them. */
export class ClusterNodes implements ClusterAdmin {
  readonly #options: ClusterNodesOptions;
  readonly #own: Ownership;
  readonly #stopped = new AbortController();
  #counted: ClusterCounts['orphans'];
  #counting: { readonly since: number; running: boolean } | undefined;

  constructor(options: ClusterNodesOptions) {
    this.#options = options;
    this.#own = new Ownership(options.driverName, (key) => options.agents.nameOf(key));
  }

  async nodes(): Promise<readonly NodeStatus[]> {
    const gone = new Map(this.#options.goneNodes.list().map((node) => [node.nodeName, node]));
    const links = this.#options.agents.links();
    const known = new Set(links.map(({ name }) => name));
    const silent = [...gone.values()].filter(({ nodeName }) => !known.has(nodeName)).map(statusOfGone);
    return [...links.map((link) => statusOf(link, gone.get(link.name))), ...silent].sort((a, b) => (a.nodeName < b.nodeName ? -1 : 1));
  }

  /** What was on the node counts as released from here on: volumes and snapshots are deleted without it. */
  async forget(nodeName: string, { force }: { readonly force: boolean }): Promise<GoneNode> {
    const { goneNodes, agents, log } = this.#options;
    const already = goneNodes.list().find((gone) => gone.nodeName === nodeName);
    if (already !== undefined) {
      await this.#releaseGlobal(nodeName);
      return already;
    }
    const object = await this.#object(nodeName, force);
    if (!force) await this.#refuseIfThere(nodeName, object);
    const gone: GoneNode = { nodeName, ...(object === undefined ? {} : { nodeUid: object.uid }), since: Date.now() };
    await goneNodes.add(gone);
    agents.recheck();
    log.warn({ node: nodeName, node_uid: gone.nodeUid, force }, 'node declared gone: what was on it is released');
    await this.#releaseGlobal(nodeName);
    return gone;
  }

  async #releaseGlobal(nodeName: string): Promise<void> {
    try {
      await this.#options.global?.release(nodeName);
    } catch (error) {
      if (!isConvoyError(error)) throw error;
      throw new ConvoyError(
        error.code,
        `node ${nodeName} is declared gone, but what it uses of global pools is not released yet: ${error.message}; then say the same again`,
        { cause: error },
      );
    }
  }

  async readmit(nodeName: string): Promise<void> {
    const { goneNodes, agents, log } = this.#options;
    if (!goneNodes.list().some((gone) => gone.nodeName === nodeName))
      throw new ConvoyError('NotFound', `node ${JSON.stringify(nodeName)} was not declared gone: "convoy node list" shows which ones were`);
    await goneNodes.remove(nodeName);
    agents.recheck();
    log.info({ node: nodeName }, 'node readmitted');
  }

  orphans({ minAgeMs = YOUNG_MS }: { readonly minAgeMs?: number } = {}): Promise<Orphans> {
    return findOrphans({ ...this.#options, own: this.#own, view: this.#options.view, minAgeMs }, this.#stopped.signal);
  }

  /** For a scrape: from memory. Orphans are counted again beside it when the count is old. */
  async counts(): Promise<ClusterCounts> {
    const agents = await this.#countAgents();
    if (this.#options.view !== undefined && this.#options.agents.started) this.#countOrphans();
    return { agents, ...(this.#counted === undefined ? {} : { orphans: this.#counted }) };
  }

  close(): void {
    this.#stopped.abort(new ConvoyError('Cancelled', 'the controller stops'));
  }

  async #countAgents(): Promise<ClusterCounts['agents']> {
    const agents: Record<NodeStatus['state'], number> = { connected: 0, unreachable: 0, refused: 0, gone: 0 };
    try {
      for (const { state } of await this.nodes()) agents[state] += 1;
    } catch (error) {
      if (isConvoyError(error, 'Unavailable')) return {};
      throw error;
    }
    return agents;
  }

  #countOrphans(): void {
    const now = Date.now();
    if (this.#counting?.running === true || (this.#counting !== undefined && now - this.#counting.since < ORPHANS_EVERY_MS)) return;
    const counting = { since: now, running: true };
    this.#counting = counting;
    void this.orphans()
      .then(({ volumes, claims, silent }) => {
        const bytes = volumes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0n);
        this.#counted = { volumes: volumes.length, bytes, claims: claims.length, silent: silent.length, countedAt: now };
      })
      .catch((error: unknown) => {
        if (!this.#stopped.signal.aborted) this.#options.log.warn({ error }, 'orphans were not counted; tried again later');
      })
      .finally(() => {
        counting.running = false;
      });
  }

  async #object(nodeName: string, force: boolean): Promise<{ readonly uid: string; readonly ready: boolean } | undefined> {
    try {
      return await this.#options.view?.node(nodeName);
    } catch (error) {
      if (!force || !isConvoyError(error, 'Unavailable')) throw error;
      return undefined;
    }
  }

  async #refuseIfThere(nodeName: string, object: { readonly ready: boolean } | undefined): Promise<void> {
    const ways = 'if what is on it may be given up all the same: --force';
    if (object?.ready === true)
      throw new ConvoyError('Precondition', `node ${nodeName} is ready, says Kubernetes: drain and delete the node first, or ${ways}`);
    const { agents } = this.#options;
    if (!agents.started)
      throw new ConvoyError(
        'Unavailable',
        `this controller is not in charge, and cannot tell whether node ${nodeName} still answers: ask the other one`,
      );
    const key = nodeKey(nodeName);
    if (agents.link(key) === undefined) return this.#refuseIfUnknown(nodeName, key, object);
    if (await this.#answers(key))
      throw new ConvoyError('Precondition', `node ${nodeName} still answers: stop its agent or the machine first, or ${ways}`);
  }

  /** A slip of the pen would release nothing, and leave the admin in the belief that it did. */
  async #refuseIfUnknown(nodeName: string, key: string, object: object | undefined): Promise<void> {
    if (object !== undefined) return;
    const { view, global } = this.#options;
    if (view !== undefined && nodesOf(await view.persistentVolumes()).has(key)) return;
    if ((await global?.isHolder(nodeName)) === true) return;
    throw new ConvoyError(
      'NotFound',
      `node ${JSON.stringify(nodeName)} is not known: it has no agent, no Node object and no PersistentVolume; check the name ("convoy node list"), or declare it gone all the same: --force`,
    );
  }

  async #answers(key: string): Promise<boolean> {
    const deadline = Date.now() + ANSWER_MS;
    try {
      const { channel } = await this.#options.agents.connect(key, { deadline });
      await channel.call('Describe', {}, { deadline });
      return true;
    } catch (error) {
      if (isConvoyError(error, 'Unavailable')) return false;
      throw error;
    }
  }
}

function statusOf(link: AgentLink, gone: GoneNode | undefined): NodeStatus {
  const { description } = link;
  const pools = [...(description?.pools.values() ?? [])].map(({ name, driver, open, reason }) => ({
    name,
    driver,
    open,
    ...(open ? {} : { reason }),
  }));
  return {
    nodeName: link.name,
    nodeKey: link.key,
    state: gone !== undefined ? 'gone' : link.connected ? 'connected' : link.refused ? 'refused' : 'unreachable',
    ...(link.connected ? {} : { reason: link.reason }),
    address: link.where,
    ...(description === undefined ? {} : { version: description.version }),
    pools,
    ...(gone === undefined ? {} : { goneSince: gone.since }),
  };
}

const statusOfGone = ({ nodeName, since }: GoneNode): NodeStatus => ({
  nodeName,
  nodeKey: nodeKey(nodeName),
  state: 'gone',
  reason: 'no agent of it is known',
  pools: [],
  goneSince: since,
});
