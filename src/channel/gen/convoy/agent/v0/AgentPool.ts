// Original file: proto/agent.proto


export interface AgentPool {
  'name'?: (string);
  'driver'?: (string);
  'open'?: (boolean);
  'reason'?: (string);
}

export interface AgentPool__Output {
  'name': (string);
  'driver': (string);
  'open': (boolean);
  'reason': (string);
}
