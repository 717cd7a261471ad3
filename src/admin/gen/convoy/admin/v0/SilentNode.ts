// Original file: proto/admin.proto


export interface SilentNode {
  'node'?: (string);
  'reason'?: (string);
}

export interface SilentNode__Output {
  'node': (string);
  'reason': (string);
}
