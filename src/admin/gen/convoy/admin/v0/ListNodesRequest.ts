// Original file: proto/admin.proto


export interface ListNodesRequest {
}

export interface ListNodesRequest__Output {
}
