// Original file: proto/admin.proto

import type { Long } from '@grpc/proto-loader';

// Original file: proto/admin.proto

export const _convoy_admin_v0_DoctorEvent_State = {
  STATE_UNSPECIFIED: 'STATE_UNSPECIFIED',
  RUNNING: 'RUNNING',
  PASSED: 'PASSED',
  FAILED: 'FAILED',
  SKIPPED: 'SKIPPED',
} as const;

export type _convoy_admin_v0_DoctorEvent_State =
  | 'STATE_UNSPECIFIED'
  | 0
  | 'RUNNING'
  | 1
  | 'PASSED'
  | 2
  | 'FAILED'
  | 3
  | 'SKIPPED'
  | 4

export type _convoy_admin_v0_DoctorEvent_State__Output = typeof _convoy_admin_v0_DoctorEvent_State[keyof typeof _convoy_admin_v0_DoctorEvent_State]

export interface DoctorEvent {
  'title'?: (string);
  'state'?: (_convoy_admin_v0_DoctorEvent_State);
  'detail'?: (string);
  'durationMs'?: (number | string | Long);
}

export interface DoctorEvent__Output {
  'title': (string);
  'state': (_convoy_admin_v0_DoctorEvent_State__Output);
  'detail': (string);
  'durationMs': (string);
}
