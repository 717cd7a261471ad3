// Original file: proto/agent.proto


export interface FindVolumeRequest {
  'name'?: (string);
}

export interface FindVolumeRequest__Output {
  'name': (string);
}
