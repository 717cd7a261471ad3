// Original file: proto/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface OrphanVolume {
  'id'?: (string);
  'node'?: (string);
  'pool'?: (string);
  'name'?: (string);
  'sizeBytes'?: (number | string | Long);
  'createdAt'?: (_google_protobuf_Timestamp | null);
}

export interface OrphanVolume__Output {
  'id': (string);
  'node': (string);
  'pool': (string);
  'name': (string);
  'sizeBytes': (string);
  'createdAt': (_google_protobuf_Timestamp__Output | null);
}
