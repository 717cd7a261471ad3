import type { ControllerMethods } from '../csi/definitions.ts';
import type { AgentMethods } from './definitions.ts';

/**
 * The mutual TLS channel between the controller and the agents of nodes (docs/architecture.md, "Forwarding"; spec.md:
 * "Proxy components transporting communication over IP networks SHALL be responsible for securing communications").
 *
 * The controller dials; an agent listens for it alone. Whom the controller talks to is proven before anything is asked or
 * told: `Attest` is the first call on every connection, and no other is made or served before it.
 */

/**
 * What may be forwarded, and all of it: the Controller service without what attaches or modifies. Never Node's calls: those
 * are the kubelet's, on the node's own socket.
 */
export const FORWARDED = [
  'CreateVolume',
  'DeleteVolume',
  'ValidateVolumeCapabilities',
  'ListVolumes',
  'ControllerGetVolume',
  'ControllerGetVolumeHealth',
  'ControllerListVolumeHealth',
  'GetCapacity',
  'CreateSnapshot',
  'DeleteSnapshot',
  'GetSnapshot',
  'ListSnapshots',
  'ControllerExpandVolume',
] as const satisfies readonly (keyof ControllerMethods)[];
export type ForwardedRpc = (typeof FORWARDED)[number];

/** Every RPC of the channel. */
export type ChannelMethods = Pick<ControllerMethods, ForwardedRpc> & AgentMethods;
export type ChannelRpc = keyof ChannelMethods;
export type ChannelRequest<Name extends ChannelRpc> = ChannelMethods[Name]['request'];
export type ChannelAnswer<Name extends ChannelRpc> = ChannelMethods[Name]['answered'];

/** Metadata key of every call: the node key that the caller means. An agent of another node refuses (addresses are reused). */
export const NODE_METADATA = 'convoy-node';

/** Where an agent is said to be: an EndpointSlice's entry, or a line of the static list. Nothing of it is believed before `Attest`. */
export interface AgentAddress {
  readonly nodeName: string;
  readonly host: string;
  readonly port: number;
  /** Uid of the pod that EndpointSlice names; undefined outside Kubernetes. */
  readonly podUid?: string;
  /** Whether Kubernetes counts the pod as ready; undefined = nobody says. */
  readonly serving?: boolean;
}

/** Who the other end is, after the proof. */
export interface AttestedAgent {
  readonly nodeName: string;
  /** Of the Node object; undefined outside Kubernetes. */
  readonly nodeUid?: string;
}

/** Why a connection or a call was refused: label of `convoy_agent_refusals_total`, field of the log. */
export type Refusal =
  | 'no_certificate' // the caller showed none
  | 'untrusted_certificate' // of another authority, of another purpose (EKU), or not the pinned one
  | 'expired_certificate' // or not valid yet: a wrong clock
  | 'changed_certificate' // another one than was pinned
  | 'handshake' // no TLS 1.3, or cut off
  | 'wrong_node' // the agent of another node answered, or another node was meant
  | 'token_audience'
  | 'token_account' // another service account
  | 'token_pod' // another pod than the EndpointSlice names
  | 'token_expired'
  | 'token_invalid' // the API server does not know it
  | 'not_attested' // a call before `Attest`
  | 'rpc_not_allowed'; // off the list above

/** Proves a token. Implemented by `kube` (TokenReview); undefined outside Kubernetes, where certificates prove the node. */
export interface Attestor {
  /**
   * Throws RefusedError when the token does not prove that the agent is who `address` says: our audience, exactly our
   * service account, the node that was dialled, the pod uid of its entry. Unavailable when the API server cannot say.
   */
  attest(token: string, address: AgentAddress): Promise<AttestedAgent>;
}

/** The controller's side of TLS, asked for anew for every connection, so that a rotation needs no restart. */
export interface ClientIdentity {
  current(): Promise<{
    readonly certificate: string;
    readonly key: string;
    /** PEM of the authority of the agents' certificates; undefined: an agent's own certificate is pinned and then attested. */
    readonly agentAuthority?: string;
  }>;
}

/** One proven connection. Broken or an hour old, it is closed and dialled and proven anew by who uses it. */
export interface AgentChannel {
  readonly agent: AttestedAgent;
  readonly address: AgentAddress;
  /** False once the connection is lost, or the proof is too old. */
  readonly usable: boolean;
  /**
   * Throws the agent's own ConvoyError (by the `convoy-code` trailer), or `UnreachableError` when the agent has not answered: the
   * outcome is then unknown.
   */
  call<Name extends ChannelRpc>(
    rpc: Name,
    request: ChannelRequest<Name>,
    options: { readonly deadline?: number; readonly signal?: AbortSignal },
  ): Promise<ChannelAnswer<Name>>;
  close(): void;
}

/** Connects, pins, attests. Throws RefusedError or UnreachableError. */
export interface Dialer {
  dial(address: AgentAddress, options: { readonly signal?: AbortSignal; readonly timeoutMs: number }): Promise<AgentChannel>;
}

/** An agent's listener. */
export interface AgentListener {
  /** As bound. */
  readonly address: string;
  /** Reasons against being ready: no trusted certificate yet, an own one that has expired. */
  problems(): readonly string[];
  stop(graceMs: number): Promise<boolean>;
}
