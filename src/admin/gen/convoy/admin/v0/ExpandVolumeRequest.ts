// Original file: proto/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface ExpandVolumeRequest {
  'volume'?: (string);
  'sizeBytes'?: (number | string | Long);
}

export interface ExpandVolumeRequest__Output {
  'volume': (string);
  'sizeBytes': (string);
}
