// Original file: proto/admin.proto


export interface InspectVolumeRequest {
  'volume'?: (string);
}

export interface InspectVolumeRequest__Output {
  'volume': (string);
}
