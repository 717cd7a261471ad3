// Original file: proto/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';

export interface _convoy_admin_v0_ClusterNode_NodePool {
  'name'?: (string);
  'driver'?: (string);
  'open'?: (boolean);
  'reason'?: (string);
}

export interface _convoy_admin_v0_ClusterNode_NodePool__Output {
  'name': (string);
  'driver': (string);
  'open': (boolean);
  'reason': (string);
}

export interface ClusterNode {
  'name'?: (string);
  'key'?: (string);
  'state'?: (string);
  'reason'?: (string);
  'address'?: (string);
  'version'?: (string);
  'pools'?: (_convoy_admin_v0_ClusterNode_NodePool)[];
  'goneSince'?: (_google_protobuf_Timestamp | null);
}

export interface ClusterNode__Output {
  'name': (string);
  'key': (string);
  'state': (string);
  'reason': (string);
  'address': (string);
  'version': (string);
  'pools': (_convoy_admin_v0_ClusterNode_NodePool__Output)[];
  'goneSince': (_google_protobuf_Timestamp__Output | null);
}
