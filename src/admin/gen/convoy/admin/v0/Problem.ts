// Original file: proto/admin.proto


export interface Problem {
  'status'?: (string);
  'reason'?: (string);
  'message'?: (string);
}

export interface Problem__Output {
  'status': (string);
  'reason': (string);
  'message': (string);
}
