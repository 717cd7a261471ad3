// Original file: proto/agent.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface InventoryVolume {
  'volumeId'?: (string);
  'name'?: (string);
  'pool'?: (string);
  'sizeBytes'?: (number | string | Long);
  'createdAt'?: (_google_protobuf_Timestamp | null);
}

export interface InventoryVolume__Output {
  'volumeId': (string);
  'name': (string);
  'pool': (string);
  'sizeBytes': (string);
  'createdAt': (_google_protobuf_Timestamp__Output | null);
}
