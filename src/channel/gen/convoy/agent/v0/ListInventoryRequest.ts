// Original file: proto/agent.proto


export interface ListInventoryRequest {
  'maxEntries'?: (number);
  'startingToken'?: (string);
}

export interface ListInventoryRequest__Output {
  'maxEntries': (number);
  'startingToken': (string);
}
