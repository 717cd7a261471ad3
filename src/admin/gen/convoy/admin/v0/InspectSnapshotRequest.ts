// Original file: proto/admin.proto


export interface InspectSnapshotRequest {
  'snapshot'?: (string);
}

export interface InspectSnapshotRequest__Output {
  'snapshot': (string);
}
