import type { AgentAddress } from '../channel/api.ts';
import type { Discovery } from './api.ts';

/** Outside Kubernetes: the agents are those that the configuration lists. */
export function staticDiscovery(agents: readonly { readonly node: string; readonly host: string; readonly port: number }[]): Discovery {
  const addresses: readonly AgentAddress[] = agents.map(({ node, host, port }) => ({ nodeName: node, host, port }));
  // Nothing ever changes, so that there is nothing to call back for.
  return { agents: () => addresses, watch: () => undefined };
}
