// Original file: proto/admin.proto


export interface Use {
  'kind'?: (string);
  'path'?: (string);
  'readOnly'?: (boolean);
}

export interface Use__Output {
  'kind': (string);
  'path': (string);
  'readOnly': (boolean);
}
