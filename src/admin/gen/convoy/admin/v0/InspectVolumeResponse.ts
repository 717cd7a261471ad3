// Original file: proto/admin.proto

import type { Volume as _convoy_admin_v0_Volume, Volume__Output as _convoy_admin_v0_Volume__Output } from '../../../convoy/admin/v0/Volume.ts';
import type { Use as _convoy_admin_v0_Use, Use__Output as _convoy_admin_v0_Use__Output } from '../../../convoy/admin/v0/Use.ts';
import type { Problem as _convoy_admin_v0_Problem, Problem__Output as _convoy_admin_v0_Problem__Output } from '../../../convoy/admin/v0/Problem.ts';
import type { Snapshot as _convoy_admin_v0_Snapshot, Snapshot__Output as _convoy_admin_v0_Snapshot__Output } from '../../../convoy/admin/v0/Snapshot.ts';
import type { Long } from '@grpc/proto-loader';

export interface InspectVolumeResponse {
  'volume'?: (_convoy_admin_v0_Volume | null);
  'details'?: ({[key: string]: string});
  'uses'?: (_convoy_admin_v0_Use)[];
  'problems'?: (_convoy_admin_v0_Problem)[];
  'snapshots'?: (_convoy_admin_v0_Snapshot)[];
  'allocatedBytes'?: (number | string | Long);
}

export interface InspectVolumeResponse__Output {
  'volume': (_convoy_admin_v0_Volume__Output | null);
  'details': ({[key: string]: string});
  'uses': (_convoy_admin_v0_Use__Output)[];
  'problems': (_convoy_admin_v0_Problem__Output)[];
  'snapshots': (_convoy_admin_v0_Snapshot__Output)[];
  'allocatedBytes': (string);
}
