// Original file: proto/agent.proto


export interface AdmitRequest {
  'admitted'?: (boolean);
  'reason'?: (string);
}

export interface AdmitRequest__Output {
  'admitted': (boolean);
  'reason': (string);
}
