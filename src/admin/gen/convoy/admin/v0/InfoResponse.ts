// Original file: proto/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Pool as _convoy_admin_v0_Pool, Pool__Output as _convoy_admin_v0_Pool__Output } from '../../../convoy/admin/v0/Pool.ts';
import type { Long } from '@grpc/proto-loader';

export interface InfoResponse {
  'version'?: (string);
  'driverName'?: (string);
  'role'?: (string);
  'nodeName'?: (string);
  'nodeKey'?: (string);
  'root'?: (string);
  'endpoint'?: (string);
  'pid'?: (number | string | Long);
  'startedAt'?: (_google_protobuf_Timestamp | null);
  'residentBytes'?: (number | string | Long);
  'drivers'?: (string)[];
  'pools'?: (_convoy_admin_v0_Pool)[];
}

export interface InfoResponse__Output {
  'version': (string);
  'driverName': (string);
  'role': (string);
  'nodeName': (string);
  'nodeKey': (string);
  'root': (string);
  'endpoint': (string);
  'pid': (string);
  'startedAt': (_google_protobuf_Timestamp__Output | null);
  'residentBytes': (string);
  'drivers': (string)[];
  'pools': (_convoy_admin_v0_Pool__Output)[];
}
