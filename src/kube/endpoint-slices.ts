import type { V1Endpoint, V1EndpointSlice } from '@kubernetes/client-node/dist/api.js';
import type { AgentAddress } from '../channel/api.ts';
import type { Discovery } from '../cluster/api.ts';
import type { Log } from '../observe/log.ts';
import type { KubeClient } from './client.ts';
import { WatchedList } from './watched-list.ts';

/** Name of the Service's port that agents serve. */
export const AGENT_PORT = 'agent';

export interface EndpointSlicesOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly service: string;
  readonly log: Log;
  readonly relistMs?: number;
}

/** The agents, as the EndpointSlices of their Service tell. */
export class EndpointSlices implements Discovery {
  readonly #slices: WatchedList<V1EndpointSlice>;
  readonly #log: Log;
  /** By the slices that it was made of: they are new objects after each change. */
  #made: { readonly of: readonly V1EndpointSlice[]; readonly agents: readonly AgentAddress[] } | undefined;

  constructor({ client, namespace, service, log, relistMs }: EndpointSlicesOptions) {
    this.#log = log;
    const query = { labelSelector: `kubernetes.io/service-name=${service}` };
    this.#slices = new WatchedList({
      client,
      place: { api: 'discovery.k8s.io/v1', resource: 'endpointslices', namespace },
      query,
      list: (page, options) => client.discovery.listNamespacedEndpointSlice({ namespace, ...query, ...page }, options),
      log,
      ...(relistMs === undefined ? {} : { relistMs }),
    });
  }

  start(): void {
    this.#slices.start();
  }

  agents(): readonly AgentAddress[] {
    const slices = this.#slices.items();
    const made = this.#made;
    if (made !== undefined && made.of.length === slices.length && made.of.every((slice, index) => slice === slices[index]))
      return made.agents;
    const agents = agentsOf(slices, this.#log);
    this.#made = { of: slices, agents };
    return agents;
  }

  watch(signal: AbortSignal, changed: () => void): void {
    this.#slices.watch(signal, changed);
  }

  close(): Promise<void> {
    return this.#slices.close();
  }
}

interface Candidate {
  readonly address: AgentAddress;
  readonly terminating: boolean;
  readonly family: string;
}

/**
 * One address for each node, ordered by node name. While an agent is replaced its node has two pods: the one that stays wins,
 * then the one that serves. A pod with addresses of both families is asked by IPv4.
 */
export function agentsOf(slices: readonly V1EndpointSlice[], log: Log): readonly AgentAddress[] {
  const best = new Map<string, Candidate>();
  for (const candidate of slices.flatMap((slice) => candidatesOf(slice, log))) {
    const { nodeName } = candidate.address;
    const other = best.get(nodeName);
    if (other === undefined || order(candidate) < order(other)) best.set(nodeName, candidate);
  }
  return [...best.values()].map(({ address }) => address).sort((a, b) => (a.nodeName < b.nodeName ? -1 : 1));
}

/** Least first. The uid keeps the choice the same from one look to the next. */
const order = ({ address, terminating, family }: Candidate): string =>
  [terminating ? '1' : '0', address.serving === true ? '0' : '1', address.podUid ?? '', family].join(' ');

function candidatesOf(slice: V1EndpointSlice, log: Log): readonly Candidate[] {
  const family = slice.addressType;
  if (family !== 'IPv4' && family !== 'IPv6') return [];
  const port = slice.ports?.find(({ name }) => name === AGENT_PORT)?.port;
  if (port === undefined) {
    log.debug({ slice: slice.metadata?.name }, `an EndpointSlice without a port named ${AGENT_PORT} is ignored`);
    return [];
  }
  // Null when it is empty, whatever its type says.
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const address = addressOf(endpoint, port);
    if (address === undefined) log.debug({ slice: slice.metadata?.name }, 'an endpoint without a node or a pod is ignored');
    return address === undefined ? [] : [{ address, terminating: endpoint.conditions?.terminating === true, family }];
  });
}

/** Undefined for what cannot be attested. */
function addressOf({ addresses, nodeName, targetRef, conditions }: V1Endpoint, port: number): AgentAddress | undefined {
  // The others are equal to the first, says the API, and nobody may rely on them.
  const [host] = addresses;
  const podUid = targetRef?.kind === 'Pod' ? targetRef.uid : undefined;
  if (host === undefined || nodeName === undefined || nodeName === '' || podUid === undefined || podUid === '') return undefined;
  const serving = conditions?.serving ?? conditions?.ready;
  return { nodeName, host, port, podUid, ...(serving === undefined ? {} : { serving }) };
}
