// Original file: proto/admin.proto


export interface DeleteSnapshotRequest {
  'snapshot'?: (string);
}

export interface DeleteSnapshotRequest__Output {
  'snapshot': (string);
}
