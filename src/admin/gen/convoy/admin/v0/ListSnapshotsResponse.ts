// Original file: proto/admin.proto

import type { Snapshot as _convoy_admin_v0_Snapshot, Snapshot__Output as _convoy_admin_v0_Snapshot__Output } from '../../../convoy/admin/v0/Snapshot.ts';

export interface ListSnapshotsResponse {
  'snapshots'?: (_convoy_admin_v0_Snapshot)[];
  'nextToken'?: (string);
}

export interface ListSnapshotsResponse__Output {
  'snapshots': (_convoy_admin_v0_Snapshot__Output)[];
  'nextToken': (string);
}
