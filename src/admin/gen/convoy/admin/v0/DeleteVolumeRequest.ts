// Original file: proto/admin.proto


export interface DeleteVolumeRequest {
  'volume'?: (string);
  'referenceOnly'?: (boolean);
}

export interface DeleteVolumeRequest__Output {
  'volume': (string);
  'referenceOnly': (boolean);
}
