// Original file: proto/admin.proto

import type { TrashItem as _convoy_admin_v0_TrashItem, TrashItem__Output as _convoy_admin_v0_TrashItem__Output } from '../../../convoy/admin/v0/TrashItem.ts';

export interface ListTrashResponse {
  'items'?: (_convoy_admin_v0_TrashItem)[];
}

export interface ListTrashResponse__Output {
  'items': (_convoy_admin_v0_TrashItem__Output)[];
}
