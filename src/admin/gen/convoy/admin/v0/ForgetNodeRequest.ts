// Original file: proto/admin.proto


export interface ForgetNodeRequest {
  'node'?: (string);
  'force'?: (boolean);
}

export interface ForgetNodeRequest__Output {
  'node': (string);
  'force': (boolean);
}
