// Original file: proto/admin.proto


export interface CreateVolumeRequest {
  'name'?: (string);
  'pool'?: (string);
  'options'?: ({[key: string]: string});
  'parameters'?: ({[key: string]: string});
  'sourceSnapshot'?: (string);
  'sourceVolume'?: (string);
  'consistency'?: (string);
  'block'?: (boolean);
}

export interface CreateVolumeRequest__Output {
  'name': (string);
  'pool': (string);
  'options': ({[key: string]: string});
  'parameters': ({[key: string]: string});
  'sourceSnapshot': (string);
  'sourceVolume': (string);
  'consistency': (string);
  'block': (boolean);
}
