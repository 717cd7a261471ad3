// Original file: proto/admin.proto

import type { Snapshot as _convoy_admin_v0_Snapshot, Snapshot__Output as _convoy_admin_v0_Snapshot__Output } from '../../../convoy/admin/v0/Snapshot.ts';

export interface CreateSnapshotResponse {
  'snapshot'?: (_convoy_admin_v0_Snapshot | null);
}

export interface CreateSnapshotResponse__Output {
  'snapshot': (_convoy_admin_v0_Snapshot__Output | null);
}
