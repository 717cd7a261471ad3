// Original file: proto/admin.proto


export interface ListOrphansRequest {
}

export interface ListOrphansRequest__Output {
}
