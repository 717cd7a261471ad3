import type { ChannelRequest, ForwardedRpc } from '../channel/api.ts';
import { ConvoyError } from '../convoy/errors.ts';
import type { CsiMethods } from '../csi/definitions.ts';
import type { Call } from '../pool/api.ts';
import type { Agents } from './agents.ts';
import type { OrphanVolume, PoolOutline } from './api.ts';
import { callAgent } from './forward.ts';

/** What stands for the node in the ids of global pools. */
export const GLOBAL = 'global';

/** Pools that this process serves itself. */
export interface GlobalPools {
  call<Name extends ForwardedRpc>(rpc: Name, request: CsiMethods[Name]['received'], call: Call): Promise<CsiMethods[Name]['response']>;
  /** All their volumes, as agents answer ListInventory. Unavailable when a pool cannot tell: never a shorter list. */
  inventory(): Promise<readonly Omit<OrphanVolume, 'nodeName'>[]>;
  /** Whether the node holds any of their volumes, as far as can be told. */
  isHolder(nodeName: string): Promise<boolean>;
  /** A node is declared gone: what it uses of them can be used elsewhere. Again is fine. Unavailable when a pool cannot be asked. */
  release(nodeName: string): Promise<void>;
}

/** Where calls go: the one place that tells nodes from global pools. */
export class Router {
  readonly agents: Agents;
  /** Names of the global pools that are served here. */
  readonly globalPools: ReadonlySet<string>;
  readonly #global: GlobalPools | undefined;

  constructor(agents: Agents, global: GlobalPools | undefined, pools: readonly Pick<PoolOutline, 'config' | 'scope'>[]) {
    this.agents = agents;
    this.#global = global;
    this.globalPools = servedHere(global, pools);
  }

  /** `key`: a node key, or `global`. Errors as callAgent's. */
  async send<Name extends ForwardedRpc>(
    key: string,
    rpc: Name,
    request: CsiMethods[Name]['received'],
    call: Call,
  ): Promise<CsiMethods[Name]['response']> {
    if (key === GLOBAL) return this.#globalPools().call(rpc, request, call);
    // What was received can be sent: types of one message, in and out.
    return callAgent(this.agents, key, rpc, request as ChannelRequest<Name>, call);
  }

  /** Unknown is not absent: of a global pool that is not served here nothing can be told. `what`: the volume or snapshot, for people. */
  refuseUnserved(what: string, { node, pool }: { readonly node: string; readonly pool: string }): void {
    if (node === GLOBAL && !this.globalPools.has(pool)) throw unserved(what, pool, this.globalPools);
  }

  #globalPools(): GlobalPools {
    if (this.#global !== undefined) return this.#global;
    throw new ConvoyError('Unavailable', 'this controller serves no global pool: there is none in its configuration ("pools")');
  }
}

export const servedHere = (global: GlobalPools | undefined, pools: readonly Pick<PoolOutline, 'config' | 'scope'>[]): ReadonlySet<string> =>
  new Set(global === undefined ? [] : pools.filter(({ scope }) => scope === 'global').map(({ config }) => config.name));

export const unserved = (what: string, pool: string, served: ReadonlySet<string>): ConvoyError =>
  new ConvoyError(
    'Unavailable',
    `${what} is in global pool ${pool}, which this controller does not serve (it serves ${[...served].join(', ') || 'none'}): configure the pool at the controller too ("pools"), as the nodes have it`,
  );
