// Original file: proto/admin.proto


export interface ListPoolsRequest {
}

export interface ListPoolsRequest__Output {
}
