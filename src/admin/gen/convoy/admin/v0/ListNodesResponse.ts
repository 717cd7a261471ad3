// Original file: proto/admin.proto

import type { ClusterNode as _convoy_admin_v0_ClusterNode, ClusterNode__Output as _convoy_admin_v0_ClusterNode__Output } from '../../../convoy/admin/v0/ClusterNode.ts';

export interface ListNodesResponse {
  'nodes'?: (_convoy_admin_v0_ClusterNode)[];
}

export interface ListNodesResponse__Output {
  'nodes': (_convoy_admin_v0_ClusterNode__Output)[];
}
