// Original file: proto/agent.proto


export interface FindVolumeResponse {
  'found'?: (boolean);
  'volumeId'?: (string);
  'closedPools'?: (string)[];
}

export interface FindVolumeResponse__Output {
  'found': (boolean);
  'volumeId': (string);
  'closedPools': (string)[];
}
