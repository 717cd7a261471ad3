// Original file: proto/admin.proto

import type { Volume as _convoy_admin_v0_Volume, Volume__Output as _convoy_admin_v0_Volume__Output } from '../../../convoy/admin/v0/Volume.ts';
import type { Snapshot as _convoy_admin_v0_Snapshot, Snapshot__Output as _convoy_admin_v0_Snapshot__Output } from '../../../convoy/admin/v0/Snapshot.ts';

export interface UndeleteVolumeResponse {
  'volume'?: (_convoy_admin_v0_Volume | null);
  'snapshot'?: (_convoy_admin_v0_Snapshot | null);
  'undeleted'?: "volume"|"snapshot";
}

export interface UndeleteVolumeResponse__Output {
  'volume'?: (_convoy_admin_v0_Volume__Output | null);
  'snapshot'?: (_convoy_admin_v0_Snapshot__Output | null);
  'undeleted'?: "volume"|"snapshot";
}
