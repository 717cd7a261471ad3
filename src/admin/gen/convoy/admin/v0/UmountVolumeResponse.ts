// Original file: proto/admin.proto


export interface UmountVolumeResponse {
}

export interface UmountVolumeResponse__Output {
}
