// Original file: proto/agent.proto


export interface AttestResponse {
  'token'?: (string);
  'nodeName'?: (string);
}

export interface AttestResponse__Output {
  'token': (string);
  'nodeName': (string);
}
