// Original file: proto/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface Snapshot {
  'id'?: (string);
  'name'?: (string);
  'pool'?: (string);
  'driver'?: (string);
  'sourceVolumeId'?: (string);
  'sizeBytes'?: (number | string | Long);
  'createdAt'?: (_google_protobuf_Timestamp | null);
  'readyToUse'?: (boolean);
  'node'?: (string);
}

export interface Snapshot__Output {
  'id': (string);
  'name': (string);
  'pool': (string);
  'driver': (string);
  'sourceVolumeId': (string);
  'sizeBytes': (string);
  'createdAt': (_google_protobuf_Timestamp__Output | null);
  'readyToUse': (boolean);
  'node': (string);
}
