// Original file: proto/admin.proto


export interface UndeleteVolumeRequest {
  'pool'?: (string);
  'item'?: (string);
}

export interface UndeleteVolumeRequest__Output {
  'pool': (string);
  'item': (string);
}
