// Original file: proto/admin.proto


export interface DeleteVolumeResponse {
  'id'?: (string);
  'keptAs'?: (string);
}

export interface DeleteVolumeResponse__Output {
  'id': (string);
  'keptAs': (string);
}
