// Original file: proto/agent.proto


export interface AdmitResponse {
}

export interface AdmitResponse__Output {
}
