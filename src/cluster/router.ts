import type { ChannelRequest, ForwardedRpc } from '../channel/api.ts';
import { ConvoyError } from '../convoy/errors.ts';
import type { CsiMethods } from '../csi/definitions.ts';
import type { Call } from '../pool/api.ts';
import type { Agents } from './agents.ts';
import { callAgent } from './forward.ts';

/** What stands for the node in the ids of global pools. */
export const GLOBAL = 'global';

/** Pools that this process serves itself. */
export interface GlobalPools {
  call<Name extends ForwardedRpc>(rpc: Name, request: CsiMethods[Name]['received'], call: Call): Promise<CsiMethods[Name]['response']>;
}

/** Where calls go: the one place that tells nodes from global pools. */
export class Router {
  readonly agents: Agents;
  readonly #global: GlobalPools | undefined;

  constructor(agents: Agents, global: GlobalPools | undefined) {
    this.agents = agents;
    this.#global = global;
  }

  get servesGlobal(): boolean {
    return this.#global !== undefined;
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

  #globalPools(): GlobalPools {
    if (this.#global !== undefined) return this.#global;
    throw new ConvoyError(
      'Unavailable',
      'no global pool is served by this controller: its configuration has none, and this version has no driver for one',
    );
  }
}
