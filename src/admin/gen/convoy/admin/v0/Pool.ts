// Original file: proto/admin.proto

import type { Problem as _convoy_admin_v0_Problem, Problem__Output as _convoy_admin_v0_Problem__Output } from '../../../convoy/admin/v0/Problem.ts';
import type { PoolSettings as _convoy_admin_v0_PoolSettings, PoolSettings__Output as _convoy_admin_v0_PoolSettings__Output } from '../../../convoy/admin/v0/PoolSettings.ts';
import type { Long } from '@grpc/proto-loader';

export interface Pool {
  'name'?: (string);
  'driver'?: (string);
  'open'?: (boolean);
  'reason'?: (string);
  'isDefault'?: (boolean);
  'scope'?: (string);
  'access'?: (string);
  'sizeEnforced'?: (boolean);
  'operations'?: (string)[];
  'info'?: ({[key: string]: string});
  'options'?: ({[key: string]: string});
  'volumes'?: (number | string | Long);
  'snapshots'?: (number | string | Long);
  'trashed'?: (number | string | Long);
  'promisedBytes'?: (number | string | Long);
  'totalBytes'?: (number | string | Long);
  'availableBytes'?: (number | string | Long);
  'problems'?: (_convoy_admin_v0_Problem)[];
  'settings'?: (_convoy_admin_v0_PoolSettings | null);
}

export interface Pool__Output {
  'name': (string);
  'driver': (string);
  'open': (boolean);
  'reason': (string);
  'isDefault': (boolean);
  'scope': (string);
  'access': (string);
  'sizeEnforced': (boolean);
  'operations': (string)[];
  'info': ({[key: string]: string});
  'options': ({[key: string]: string});
  'volumes': (string);
  'snapshots': (string);
  'trashed': (string);
  'promisedBytes': (string);
  'totalBytes': (string);
  'availableBytes': (string);
  'problems': (_convoy_admin_v0_Problem__Output)[];
  'settings': (_convoy_admin_v0_PoolSettings__Output | null);
}
