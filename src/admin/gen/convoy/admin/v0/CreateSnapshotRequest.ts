// Original file: proto/admin.proto


export interface CreateSnapshotRequest {
  'volume'?: (string);
  'name'?: (string);
  'consistency'?: (string);
}

export interface CreateSnapshotRequest__Output {
  'volume': (string);
  'name': (string);
  'consistency': (string);
}
