// Original file: proto/admin.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface Volume {
  'id'?: (string);
  'name'?: (string);
  'pool'?: (string);
  'driver'?: (string);
  'state'?: (string);
  'sizeBytes'?: (number | string | Long);
  'createdAt'?: (_google_protobuf_Timestamp | null);
  'fileSystem'?: (string);
  'sizeEnforced'?: (boolean);
  'node'?: (string);
  'sourceSnapshotId'?: (string);
  'sourceVolumeId'?: (string);
  'block'?: (boolean);
}

export interface Volume__Output {
  'id': (string);
  'name': (string);
  'pool': (string);
  'driver': (string);
  'state': (string);
  'sizeBytes': (string);
  'createdAt': (_google_protobuf_Timestamp__Output | null);
  'fileSystem': (string);
  'sizeEnforced': (boolean);
  'node': (string);
  'sourceSnapshotId': (string);
  'sourceVolumeId': (string);
  'block': (boolean);
}
