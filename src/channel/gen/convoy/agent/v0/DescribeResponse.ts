// Original file: proto/agent.proto

import type { AgentPool as _convoy_agent_v0_AgentPool, AgentPool__Output as _convoy_agent_v0_AgentPool__Output } from '../../../convoy/agent/v0/AgentPool.ts';

export interface DescribeResponse {
  'version'?: (string);
  'nodeName'?: (string);
  'nodeKey'?: (string);
  'pools'?: (_convoy_agent_v0_AgentPool)[];
}

export interface DescribeResponse__Output {
  'version': (string);
  'nodeName': (string);
  'nodeKey': (string);
  'pools': (_convoy_agent_v0_AgentPool__Output)[];
}
