// Original file: proto/admin.proto

import type { Volume as _convoy_admin_v0_Volume, Volume__Output as _convoy_admin_v0_Volume__Output } from '../../../convoy/admin/v0/Volume.ts';

export interface ListVolumesResponse {
  'volumes'?: (_convoy_admin_v0_Volume)[];
  'nextToken'?: (string);
}

export interface ListVolumesResponse__Output {
  'volumes': (_convoy_admin_v0_Volume__Output)[];
  'nextToken': (string);
}
