// Original file: proto/admin.proto


export interface WatchJobsRequest {
}

export interface WatchJobsRequest__Output {
}
