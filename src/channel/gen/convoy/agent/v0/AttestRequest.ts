// Original file: proto/agent.proto


export interface AttestRequest {
}

export interface AttestRequest__Output {
}
