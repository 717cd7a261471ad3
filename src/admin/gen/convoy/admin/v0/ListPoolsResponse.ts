// Original file: proto/admin.proto

import type { Pool as _convoy_admin_v0_Pool, Pool__Output as _convoy_admin_v0_Pool__Output } from '../../../convoy/admin/v0/Pool.ts';

export interface ListPoolsResponse {
  'pools'?: (_convoy_admin_v0_Pool)[];
}

export interface ListPoolsResponse__Output {
  'pools': (_convoy_admin_v0_Pool__Output)[];
}
