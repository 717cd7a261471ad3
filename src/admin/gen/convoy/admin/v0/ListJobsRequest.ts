// Original file: proto/admin.proto


export interface ListJobsRequest {
}

export interface ListJobsRequest__Output {
}
