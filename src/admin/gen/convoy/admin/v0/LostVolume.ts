// Original file: proto/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface LostVolume {
  'persistentVolume'?: (string);
  'volumeId'?: (string);
  'claim'?: (string);
  'phase'?: (string);
  'sizeBytes'?: (number | string | Long);
  'createdAt'?: (_google_protobuf_Timestamp | null);
}

export interface LostVolume__Output {
  'persistentVolume': (string);
  'volumeId': (string);
  'claim': (string);
  'phase': (string);
  'sizeBytes': (string);
  'createdAt': (_google_protobuf_Timestamp__Output | null);
}
