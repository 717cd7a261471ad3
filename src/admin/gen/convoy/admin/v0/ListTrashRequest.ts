// Original file: proto/admin.proto


export interface ListTrashRequest {
  'pool'?: (string);
}

export interface ListTrashRequest__Output {
  'pool': (string);
}
