// Original file: proto/admin.proto


export interface MountVolumeRequest {
  'volume'?: (string);
  'mountPoint'?: (string);
  'readOnly'?: (boolean);
}

export interface MountVolumeRequest__Output {
  'volume': (string);
  'mountPoint': (string);
  'readOnly': (boolean);
}
