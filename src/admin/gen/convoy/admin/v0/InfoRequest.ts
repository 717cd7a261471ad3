// Original file: proto/admin.proto


export interface InfoRequest {
}

export interface InfoRequest__Output {
}
