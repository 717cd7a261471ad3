// Original file: proto/admin.proto


export interface ListVolumesRequest {
  'pool'?: (string);
  'maxEntries'?: (number);
  'startingToken'?: (string);
}

export interface ListVolumesRequest__Output {
  'pool': (string);
  'maxEntries': (number);
  'startingToken': (string);
}
