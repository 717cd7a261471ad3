// Original file: proto/admin.proto

import type { Long } from '@grpc/proto-loader';

export interface PoolSettings {
  'init'?: (string);
  'overcommit'?: (number | string);
  'thin'?: (boolean);
  'onDelete'?: (string);
  'trashRetentionMs'?: (number | string | Long);
  'defaultVolumeSize'?: (number | string | Long);
  'maxJobs'?: (number | string | Long);
  'bandwidth'?: (number | string | Long);
  'allowParameters'?: (string)[];
}

export interface PoolSettings__Output {
  'init': (string);
  'overcommit': (number);
  'thin': (boolean);
  'onDelete': (string);
  'trashRetentionMs': (string);
  'defaultVolumeSize': (string);
  'maxJobs': (string);
  'bandwidth': (string);
  'allowParameters': (string)[];
}
