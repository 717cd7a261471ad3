// Original file: proto/admin.proto

import type { Volume as _convoy_admin_v0_Volume, Volume__Output as _convoy_admin_v0_Volume__Output } from '../../../convoy/admin/v0/Volume.ts';

export interface CreateVolumeResponse {
  'volume'?: (_convoy_admin_v0_Volume | null);
}

export interface CreateVolumeResponse__Output {
  'volume': (_convoy_admin_v0_Volume__Output | null);
}
