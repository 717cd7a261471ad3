// Original file: proto/admin.proto


export interface MountVolumeResponse {
  'path'?: (string);
}

export interface MountVolumeResponse__Output {
  'path': (string);
}
