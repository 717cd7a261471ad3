// Original file: proto/admin.proto


export interface ForgetNodeResponse {
  'node'?: (string);
  'nodeUid'?: (string);
}

export interface ForgetNodeResponse__Output {
  'node': (string);
  'nodeUid': (string);
}
