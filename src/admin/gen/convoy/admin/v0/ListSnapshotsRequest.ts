// Original file: proto/admin.proto


export interface ListSnapshotsRequest {
  'volume'?: (string);
  'maxEntries'?: (number);
  'startingToken'?: (string);
}

export interface ListSnapshotsRequest__Output {
  'volume': (string);
  'maxEntries': (number);
  'startingToken': (string);
}
