// Original file: proto/admin.proto


export interface ReadmitNodeResponse {
}

export interface ReadmitNodeResponse__Output {
}
