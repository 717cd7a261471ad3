// Original file: proto/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface Job {
  'id'?: (string);
  'kind'?: (string);
  'objectId'?: (string);
  'pool'?: (string);
  'state'?: (string);
  'doneBytes'?: (number | string | Long);
  'totalBytes'?: (number | string | Long);
  'doneEntries'?: (number | string | Long);
  'startedAt'?: (_google_protobuf_Timestamp | null);
  'error'?: (string);
}

export interface Job__Output {
  'id': (string);
  'kind': (string);
  'objectId': (string);
  'pool': (string);
  'state': (string);
  'doneBytes': (string);
  'totalBytes': (string);
  'doneEntries': (string);
  'startedAt': (_google_protobuf_Timestamp__Output | null);
  'error': (string);
}
