// Original file: proto/admin.proto

import type { Pool as _convoy_admin_v0_Pool, Pool__Output as _convoy_admin_v0_Pool__Output } from '../../../convoy/admin/v0/Pool.ts';

export interface InitPoolResponse {
  'pool'?: (_convoy_admin_v0_Pool | null);
}

export interface InitPoolResponse__Output {
  'pool': (_convoy_admin_v0_Pool__Output | null);
}
