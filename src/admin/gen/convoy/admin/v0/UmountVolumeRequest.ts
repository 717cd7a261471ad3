// Original file: proto/admin.proto


export interface UmountVolumeRequest {
  'volume'?: (string);
  'mountPoint'?: (string);
}

export interface UmountVolumeRequest__Output {
  'volume': (string);
  'mountPoint': (string);
}
