// Original file: proto/admin.proto

import type { OrphanVolume as _convoy_admin_v0_OrphanVolume, OrphanVolume__Output as _convoy_admin_v0_OrphanVolume__Output } from '../../../convoy/admin/v0/OrphanVolume.ts';
import type { LostVolume as _convoy_admin_v0_LostVolume, LostVolume__Output as _convoy_admin_v0_LostVolume__Output } from '../../../convoy/admin/v0/LostVolume.ts';
import type { SilentNode as _convoy_admin_v0_SilentNode, SilentNode__Output as _convoy_admin_v0_SilentNode__Output } from '../../../convoy/admin/v0/SilentNode.ts';

export interface ListOrphansResponse {
  'orphans'?: (_convoy_admin_v0_OrphanVolume)[];
  'lost'?: (_convoy_admin_v0_LostVolume)[];
  'silent'?: (_convoy_admin_v0_SilentNode)[];
}

export interface ListOrphansResponse__Output {
  'orphans': (_convoy_admin_v0_OrphanVolume__Output)[];
  'lost': (_convoy_admin_v0_LostVolume__Output)[];
  'silent': (_convoy_admin_v0_SilentNode__Output)[];
}
