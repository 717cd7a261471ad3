import type { Call, Pools, Segments } from '../pool/api.ts';
import type { NodeService } from '../publish/api.ts';
import type { Advertised } from './capabilities.ts';
import type { CsiMethods, RpcName } from './definitions.ts';

/** What the RPCs are made of. Each names what it needs with `Pick`. */
export interface Edge {
  readonly pools: Pools;
  readonly node: NodeService;
  /** CSI plugin name; also the prefix of the topology key. */
  readonly driverName: string;
  /** What this node is in beside itself: keys and values of its topology that are not ours (`topology.kubernetes.io/zone`). */
  readonly topology: Segments;
  readonly version: string;
  readonly advertised: Advertised;
  /** Asked by Probe; answers from memory. */
  readonly ready: () => { readonly ready: boolean };
}

/** One RPC: parses its request, calls a use case, builds the answer. Throws ConvoyErrors; csi/server.ts does the rest. */
export type Rpc<Name extends RpcName> = (
  request: CsiMethods[Name]['received'],
  call: Call,
) => CsiMethods[Name]['response'] | Promise<CsiMethods[Name]['response']>;

/** A service's table: a missing RPC, or one with a wrong answer, does not compile. */
export type Rpcs<Methods> = { readonly [Name in keyof Methods]: Name extends RpcName ? Rpc<Name> : never };
