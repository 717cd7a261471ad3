// Original file: proto/agent.proto


export interface DescribeRequest {
}

export interface DescribeRequest__Output {
}
