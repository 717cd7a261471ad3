// Original file: proto/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface ListOrphansRequest {
  'minAgeMs'?: (number | string | Long);
}

export interface ListOrphansRequest__Output {
  'minAgeMs': (string);
}
