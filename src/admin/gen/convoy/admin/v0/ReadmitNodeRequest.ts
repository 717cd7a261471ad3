// Original file: proto/admin.proto


export interface ReadmitNodeRequest {
  'node'?: (string);
}

export interface ReadmitNodeRequest__Output {
  'node': (string);
}
