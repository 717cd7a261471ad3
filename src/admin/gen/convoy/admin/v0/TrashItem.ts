// Original file: proto/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface TrashItem {
  'pool'?: (string);
  'entry'?: (string);
  'kind'?: (string);
  'id'?: (string);
  'name'?: (string);
  'sizeBytes'?: (number | string | Long);
  'discardedAt'?: (_google_protobuf_Timestamp | null);
  'expiresAt'?: (_google_protobuf_Timestamp | null);
}

export interface TrashItem__Output {
  'pool': (string);
  'entry': (string);
  'kind': (string);
  'id': (string);
  'name': (string);
  'sizeBytes': (string);
  'discardedAt': (_google_protobuf_Timestamp__Output | null);
  'expiresAt': (_google_protobuf_Timestamp__Output | null);
}
