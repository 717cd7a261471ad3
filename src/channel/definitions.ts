import { fromJSON } from '@grpc/proto-loader';
import type { MethodsOf } from '../csi/definitions.ts';
import agent from './gen/agent.json' with { type: 'json' };
import type { AgentDefinition } from './gen/convoy/agent/v0/Agent.ts';

let loaded: AgentDefinition | undefined;

/** The agent service as grpc-js wants it, with the options that scripts/generate.ts makes the types for. int64 are strings. */
export function agentDefinition(): AgentDefinition {
  loaded ??= fromJSON(agent as unknown as Parameters<typeof fromJSON>[0], { longs: String, enums: String, defaults: true, oneofs: true })[
    'convoy.agent.v0.Agent'
  ] as unknown as AgentDefinition;
  return loaded;
}

/** Request and response of each RPC. */
export type AgentMethods = MethodsOf<AgentDefinition>;
