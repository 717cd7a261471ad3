// Original file: proto/agent.proto

import type { InventoryVolume as _convoy_agent_v0_InventoryVolume, InventoryVolume__Output as _convoy_agent_v0_InventoryVolume__Output } from '../../../convoy/agent/v0/InventoryVolume.ts';

export interface ListInventoryResponse {
  'volumes'?: (_convoy_agent_v0_InventoryVolume)[];
  'nextToken'?: (string);
}

export interface ListInventoryResponse__Output {
  'volumes': (_convoy_agent_v0_InventoryVolume__Output)[];
  'nextToken': (string);
}
