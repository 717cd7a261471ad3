// Original file: proto/admin.proto


export interface DeleteSnapshotResponse {
  'id'?: (string);
}

export interface DeleteSnapshotResponse__Output {
  'id': (string);
}
