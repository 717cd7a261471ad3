import type { AgentAddress, Dialer } from '../channel/api.ts';
import { isConvoyError } from '../convoy/errors.ts';
import { nodeKey } from '../convoy/ids.ts';
import type { Log } from '../observe/log.ts';
import { AgentLink, type Connection, type LinkDeps, TIMING, type Timing } from './agent-link.ts';
import type { Discovery, GoneNode, GoneNodes } from './api.ts';
import { Limit, type Wait } from './bounded.ts';
import { NotConnectedError } from './errors.ts';
import { goneByKey, goneReason } from './gone.ts';

export interface AgentsOptions {
  readonly discovery: Discovery;
  readonly dialer: Dialer;
  readonly goneNodes: Pick<GoneNodes, 'list'>;
  /** Our own. */
  readonly version: string;
  /** Completes "no agent of node … is known: "; where an admin looks. */
  readonly whereToLook: string;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly timing?: Timing;
}

/** Dials that run at once without anyone waiting for them: after a start, a thousand agents are there to be proven. */
const DIALS_AT_ONCE = 16;

/** The agents of all nodes that discovery knows, each with its connection. */
export class Agents {
  readonly #options: AgentsOptions;
  readonly #deps: LinkDeps;
  readonly #links = new Map<string, AgentLink>();
  readonly #stopped = new AbortController();
  #started = false;
  #ticks: NodeJS.Timeout | undefined;
  #synced: readonly AgentAddress[] | undefined;

  constructor(options: AgentsOptions) {
    this.#options = options;
    this.#deps = { ...options, dials: new Limit(DIALS_AT_ONCE), goneNode: (key) => this.goneNode(key), timing: options.timing ?? TIMING };
  }

  /** False: this controller is not in charge, and asks no agent. */
  get started(): boolean {
    return this.#started;
  }

  /** Connects to every agent and keeps connected, until `close`. */
  start(): void {
    this.#started = true;
    for (const link of this.#links.values()) link.start();
    this.#options.discovery.watch(this.#stopped.signal, () => this.#trySync());
    this.#trySync();
    this.#ticks = setInterval(() => this.recheck(), this.#deps.timing.tickMs);
    this.#ticks.unref();
  }

  close(): void {
    this.#stopped.abort();
    clearInterval(this.#ticks);
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  /** All that discovery knows, connected or not, by node key. Throws Unavailable while nothing was read yet. */
  links(): readonly AgentLink[] {
    this.#sync();
    return [...this.#links.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Undefined: discovery knows none. Throws Unavailable while nothing was read yet. */
  link(key: string): AgentLink | undefined {
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    this.#sync();
    return this.#links.get(key);
  }

  /** Throws Unavailable while nobody knows. */
  goneNode(key: string): GoneNode | undefined {
    return this.#options.goneNodes.list().find((gone) => nodeKey(gone.nodeName) === key);
  }

  /** The node's name, for people; what is known of it where the name is not. */
  nameOf(key: string): string {
    return this.#links.get(key)?.name ?? this.goneNode(key)?.nodeName ?? `with key ${key}`;
  }

  /** The proven connection to a node that is not gone. NotConnectedError names the node, the reason and what to do. */
  async connect(key: string, wait: Wait): Promise<Connection> {
    if (!this.#started) throw new NotConnectedError('this controller is not in charge yet: another one may still be serving');
    const gone = this.goneNode(key);
    if (gone !== undefined) throw new NotConnectedError(goneReason(gone));
    const link = this.link(key);
    if (link === undefined) throw this.unknown(`node key ${key}`);
    return link.connect(wait);
  }

  unknown(what: string): NotConnectedError {
    return new NotConnectedError(
      `no agent of ${what} is known: ${this.#options.whereToLook}; if the node is gone for good: convoy node forget NODE`,
    );
  }

  /** After an admin's word: agents are told now, not at the next look. */
  recheck(): void {
    let gone: ReadonlyMap<string, GoneNode>;
    try {
      gone = goneByKey(this.#options.goneNodes);
    } catch (error) {
      if (!isConvoyError(error, 'Unavailable')) throw error;
      // Nothing was read yet: each link says so when it is asked.
      return;
    }
    for (const link of this.#links.values()) link.tick(gone.has(link.key));
  }

  #trySync(): void {
    try {
      this.#sync();
    } catch (error) {
      if (!isConvoyError(error, 'Unavailable')) throw error;
      // Nothing was read yet: discovery calls back when it was, and `problems` says so until then.
    }
  }

  #sync(): void {
    const addresses = this.#options.discovery.agents();
    // Hashing a thousand names for every call would be waste.
    if (addresses === this.#synced || this.#stopped.signal.aborted) return;
    this.#synced = addresses;
    const found = onePerNode(addresses);
    for (const [key, link] of this.#links) {
      if (found.has(key)) continue;
      this.#links.delete(key);
      link.close();
    }
    for (const [key, address] of found) {
      const known = this.#links.get(key);
      if (known === undefined) this.#add(key, address);
      else known.update(address);
    }
  }

  #add(key: string, address: AgentAddress): void {
    const link = new AgentLink(address, this.#deps);
    this.#links.set(key, link);
    if (this.#started) link.start();
  }
}

/** While a pod is replaced there are two of its node for a moment: the one that serves, or else the one told last. */
function onePerNode(addresses: readonly AgentAddress[]): ReadonlyMap<string, AgentAddress> {
  const found = new Map<string, AgentAddress>();
  for (const address of addresses) {
    const key = nodeKey(address.nodeName);
    const before = found.get(key);
    if (before === undefined || rank(address) >= rank(before)) found.set(key, address);
  }
  return found;
}

const rank = ({ serving }: AgentAddress): number => (serving === undefined ? 1 : serving ? 2 : 0);
