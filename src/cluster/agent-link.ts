import type { AgentAddress, AgentChannel, Dialer } from '../channel/api.ts';
import type { AgentMethods } from '../channel/definitions.ts';
import { RefusedError } from '../channel/errors.ts';
import { ConvoyError } from '../convoy/errors.ts';
import { nodeKey } from '../convoy/ids.ts';
import type { Log } from '../observe/log.ts';
import type { GoneNode } from './api.ts';
import { Limit, type Wait, within } from './bounded.ts';
import { NotConnectedError } from './errors.ts';
import { goneReason } from './gone.ts';
import { isSkewed } from './version-skew.ts';

export interface Timing {
  /** Of a dial with its proof, and of each call that greets an agent. */
  readonly answerMs: number;
  /** Between two looks at what an agent has. */
  readonly refreshMs: number;
  /** After the first failure; doubled up to the most. */
  readonly backoffMs: number;
  readonly backoffMostMs: number;
  /** A call does not dial again so soon after a failure: a hundred threads would. */
  readonly restMs: number;
  /** Between two looks at whether connections still stand. */
  readonly tickMs: number;
}
export const TIMING: Timing = { answerMs: 5000, refreshMs: 10_000, backoffMs: 500, backoffMostMs: 10_000, restMs: 1000, tickMs: 1000 };

/** Failures of one kind are told so often at most, whatever their words. */
const LOG_EVERY_MS = 60_000;

/** Calls that one agent is given at once; the provisioner alone runs a hundred threads. */
export const FORWARDS_AT_ONCE = 64;

export interface LinkDeps {
  readonly dialer: Dialer;
  /** Bounds the dials that nobody waits for. */
  readonly dials: Limit;
  /** Undefined: admitted. Throws Unavailable while nobody knows. */
  readonly goneNode: (key: string) => GoneNode | undefined;
  /** Our own. */
  readonly version: string;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly timing: Timing;
}

/** What an agent says of itself. */
export interface Description {
  readonly version: string;
  readonly pools: ReadonlyMap<string, AgentMethods['Describe']['answered']['pools'][number]>;
}

export interface Connection {
  readonly channel: AgentChannel;
  readonly description: Description;
}

/** The connection to one node's agent: dialled, proven, told and asked, and all of it again when it breaks. */
export class AgentLink {
  readonly key: string;
  readonly limit = new Limit(FORWARDS_AT_ONCE);
  readonly #deps: LinkDeps;
  #address: AgentAddress;
  #connection: Connection | undefined;
  /** What `Admit` last told on this connection. */
  #told: boolean | undefined;
  #dialing: Promise<void> | undefined;
  /** Of the address that is dialled now; aborted when it changes. */
  #round = new AbortController();
  #failure: { readonly error: unknown; readonly at: number } | undefined;
  #failures = 0;
  #logged: { readonly kind: string; readonly reason: string; readonly at: number } | undefined;
  #warnedVersion = '';
  #closed = false;
  #woken = false;
  #wake: (() => void) | undefined;

  constructor(address: AgentAddress, deps: LinkDeps) {
    this.key = nodeKey(address.nodeName);
    this.#address = address;
    this.#deps = deps;
  }

  get name(): string {
    return this.#address.nodeName;
  }
  get address(): AgentAddress {
    return this.#address;
  }
  /** `host:port`, for people. */
  get where(): string {
    const { host, port } = this.#address;
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  }
  get connected(): boolean {
    return this.#failure === undefined && this.#open() !== undefined;
  }
  /** Neither reached nor failed since it was made, moved or broke: what the node would say cannot be told yet. */
  get untried(): boolean {
    return this.#failure === undefined && this.#open() === undefined;
  }
  /** As far as it is proven just now. */
  get description(): Description | undefined {
    return this.connected ? this.#connection?.description : undefined;
  }
  get refused(): boolean {
    return this.#failure?.error instanceof RefusedError;
  }
  /** Why it is not connected. */
  get reason(): string {
    const error = this.#failure?.error;
    if (error === undefined) return 'it is being connected to';
    return error instanceof ConvoyError ? error.message : `internal error (${error instanceof Error ? error.name : typeof error})`;
  }

  /** Keeps the connection from now on. */
  start(): void {
    void this.#keep();
  }

  update(address: AgentAddress): void {
    const { host, port, podUid, serving } = this.#address;
    this.#address = address;
    if (address.host === host && address.port === port && address.podUid === podUid) {
      // Ready by now: what failed a moment ago may well succeed.
      if (address.serving === true && serving !== true && !this.connected) this.wake();
      return;
    }
    this.#startOver();
    this.#failures = 0;
    this.#failure = undefined;
    this.wake();
  }

  close(): void {
    this.#closed = true;
    this.#startOver();
    this.#failure = { error: new ConvoyError('Unavailable', 'its agent is known no more'), at: Date.now() };
    this.wake();
  }

  /** Once a second: a connection that broke, or an admin's word that the agent does not know yet, is seen to at once. */
  tick(gone: boolean): void {
    const broken = this.#connection !== undefined && !this.#connection.channel.usable;
    if (broken) this.#drop();
    const untold = this.connected && this.#told === gone;
    if (broken || untold) this.wake();
  }

  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** The proven connection, dialled now if need be. NotConnectedError says why there is none. */
  async connect(wait: Wait): Promise<Connection> {
    // A round ends without an answer when the address changes under it: the next one is joined.
    for (let rounds = 0; rounds < 3; rounds++) {
      const open = this.#open();
      if (open !== undefined) return open;
      if (this.#closed || (this.#dialing === undefined && this.#isResting())) throw this.notConnected();
      await this.#join(wait);
    }
    throw this.notConnected();
  }

  notConnected(): NotConnectedError {
    const { name, where } = this;
    return new NotConnectedError(
      `node ${name} (${where}) cannot be reached: ${this.reason}; look at the agent's pod and its log, and if the node is gone for good: convoy node forget ${name}`,
      { cause: this.#failure?.error },
    );
  }

  async #join(wait: Wait): Promise<void> {
    const round = this.#round;
    try {
      await within(this.#dial(), wait, () => this.notConnected());
    } catch (error) {
      wait.signal?.throwIfAborted();
      if (round === this.#round) throw error instanceof NotConnectedError ? error : this.notConnected();
    }
  }

  #open(): Connection | undefined {
    return this.#connection?.channel.usable === true ? this.#connection : undefined;
  }

  #isResting(): boolean {
    return this.#failure !== undefined && Date.now() - this.#failure.at < this.#deps.timing.restMs;
  }

  #startOver(): void {
    this.#round.abort(new NotConnectedError(`the agent of node ${this.name} left, or is at another address by now`));
    this.#round = new AbortController();
    this.#dialing = undefined;
    this.#drop();
  }

  #drop(): void {
    this.#connection?.channel.close();
    this.#connection = undefined;
    this.#told = undefined;
  }

  /** One dial at a time, shared by all who wait. */
  #dial(): Promise<void> {
    if (this.#dialing !== undefined) return this.#dialing;
    const dialing: Promise<void> = this.#establish(this.#round.signal).finally(() => {
      if (this.#dialing === dialing) this.#dialing = undefined;
    });
    this.#dialing = dialing;
    return dialing;
  }

  /** A call may have dialled while the queue was waited in. */
  async #dialUnlessOpen(): Promise<void> {
    if (this.#open() === undefined && !this.#closed) await this.#dial();
  }

  async #establish(signal: AbortSignal): Promise<void> {
    const address = this.#address;
    let channel: AgentChannel | undefined;
    try {
      // Before the dial: while nobody knows whether the node is gone, it is not asked by mistake.
      const gone = this.#deps.goneNode(this.key);
      channel = await this.#deps.dialer.dial(address, { signal, timeoutMs: this.#deps.timing.answerMs });
      if (channel.agent.nodeName !== address.nodeName)
        throw new RefusedError('wrong_node', `the agent at ${this.where} is of node ${channel.agent.nodeName}`);
      await this.#tell(channel, gone, signal);
      const description = await this.#describe(channel, signal);
      signal.throwIfAborted();
      this.#drop();
      this.#connection = { channel, description };
      this.#told = gone === undefined;
      this.#succeeded(description, true);
    } catch (error) {
      channel?.close();
      if (!signal.aborted) this.#failed(error);
      throw error;
    }
  }

  async #tell(channel: AgentChannel, gone: GoneNode | undefined, signal: AbortSignal): Promise<void> {
    const request = gone === undefined ? { admitted: true, reason: '' } : { admitted: false, reason: goneReason(gone) };
    await channel.call('Admit', request, { deadline: Date.now() + this.#deps.timing.answerMs, signal });
  }

  async #describe(channel: AgentChannel, signal: AbortSignal): Promise<Description> {
    const said = await channel.call('Describe', {}, { deadline: Date.now() + this.#deps.timing.answerMs, signal });
    if (said.nodeKey !== this.key)
      throw new RefusedError(
        'wrong_node',
        `the agent at ${this.where} says that its node key is ${JSON.stringify(said.nodeKey.slice(0, 32))}`,
      );
    return { version: said.version, pools: new Map(said.pools.map((pool) => [pool.name, pool])) };
  }

  async #keep(): Promise<void> {
    while (!this.#closed) {
      try {
        if (this.#open() === undefined)
          await this.#deps.dials.run(
            () => this.#dialUnlessOpen(),
            {},
            () => this.notConnected(),
          );
        else await this.#refresh();
      } catch {
        // Kept and logged by #failed; a round that was given up is followed by the next.
      }
      await this.#pause(this.#failures === 0 ? jitter(this.#deps.timing.refreshMs) : this.#backoff());
    }
  }

  async #refresh(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { channel } = connection;
    const { signal } = this.#round;
    try {
      const gone = this.#deps.goneNode(this.key);
      if (this.#told !== (gone === undefined)) {
        await this.#tell(channel, gone, signal);
        if (this.#connection === connection) this.#told = gone === undefined;
      }
      const description = await this.#describe(channel, signal);
      if (this.#connection !== connection) return;
      this.#connection = { channel, description };
      this.#succeeded(description, false);
    } catch (error) {
      if (signal.aborted) return;
      this.#failed(error);
      // Whoever answers there is not the node: nothing more goes over this connection.
      if (error instanceof RefusedError) this.#drop();
    }
  }

  #succeeded(description: Description, isNew: boolean): void {
    const wasFailing = this.#failure !== undefined;
    this.#failure = undefined;
    this.#failures = 0;
    this.#logged = undefined;
    const fields = { node: this.name, address: this.where, version: description.version };
    if (isNew || wasFailing) this.#deps.log.info(fields, 'agent connected');
    if (description.version === this.#warnedVersion || !isSkewed(this.#deps.version, description.version)) return;
    this.#warnedVersion = description.version;
    this.#deps.log.warn(
      { ...fields, own_version: this.#deps.version },
      'the agent is of a version that is not tested with this controller: upgrade one minor version at a time',
    );
  }

  #failed(error: unknown): void {
    this.#failure = { error, at: Date.now() };
    this.#failures += 1;
    const refusal = error instanceof RefusedError ? { refusal: error.reason } : {};
    if (this.#isTold(refusal.refusal ?? 'unreachable')) return;
    this.#deps.log.warn({ node: this.name, address: this.where, ...refusal, error }, 'agent not connected; tried again and again');
  }

  /** Not on every try. Of one kind the words may differ with each, as when they tell a time. */
  #isTold(kind: string): boolean {
    const { reason } = this;
    const at = Date.now();
    const last = this.#logged;
    if (last?.kind === kind && (last.reason === reason || at - last.at < LOG_EVERY_MS)) return true;
    this.#logged = { kind, reason, at };
    return false;
  }

  #backoff(): number {
    const { backoffMs, backoffMostMs } = this.#deps.timing;
    return jitter(Math.min(backoffMs * 2 ** Math.min(this.#failures - 1, 20), backoffMostMs));
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, ms).unref();
      });
    }
    this.#woken = false;
    this.#wake = undefined;
  }
}

/** Half to all of it, so that a thousand agents are not asked in the same instant. */
const jitter = (ms: number): number => ms * (0.5 + Math.random() / 2);
