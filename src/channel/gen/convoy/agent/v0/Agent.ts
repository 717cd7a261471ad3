// Original file: proto/agent.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AdmitRequest as _convoy_agent_v0_AdmitRequest, AdmitRequest__Output as _convoy_agent_v0_AdmitRequest__Output } from '../../../convoy/agent/v0/AdmitRequest.ts';
import type { AdmitResponse as _convoy_agent_v0_AdmitResponse, AdmitResponse__Output as _convoy_agent_v0_AdmitResponse__Output } from '../../../convoy/agent/v0/AdmitResponse.ts';
import type { AttestRequest as _convoy_agent_v0_AttestRequest, AttestRequest__Output as _convoy_agent_v0_AttestRequest__Output } from '../../../convoy/agent/v0/AttestRequest.ts';
import type { AttestResponse as _convoy_agent_v0_AttestResponse, AttestResponse__Output as _convoy_agent_v0_AttestResponse__Output } from '../../../convoy/agent/v0/AttestResponse.ts';
import type { DescribeRequest as _convoy_agent_v0_DescribeRequest, DescribeRequest__Output as _convoy_agent_v0_DescribeRequest__Output } from '../../../convoy/agent/v0/DescribeRequest.ts';
import type { DescribeResponse as _convoy_agent_v0_DescribeResponse, DescribeResponse__Output as _convoy_agent_v0_DescribeResponse__Output } from '../../../convoy/agent/v0/DescribeResponse.ts';
import type { FindVolumeRequest as _convoy_agent_v0_FindVolumeRequest, FindVolumeRequest__Output as _convoy_agent_v0_FindVolumeRequest__Output } from '../../../convoy/agent/v0/FindVolumeRequest.ts';
import type { FindVolumeResponse as _convoy_agent_v0_FindVolumeResponse, FindVolumeResponse__Output as _convoy_agent_v0_FindVolumeResponse__Output } from '../../../convoy/agent/v0/FindVolumeResponse.ts';
import type { ListInventoryRequest as _convoy_agent_v0_ListInventoryRequest, ListInventoryRequest__Output as _convoy_agent_v0_ListInventoryRequest__Output } from '../../../convoy/agent/v0/ListInventoryRequest.ts';
import type { ListInventoryResponse as _convoy_agent_v0_ListInventoryResponse, ListInventoryResponse__Output as _convoy_agent_v0_ListInventoryResponse__Output } from '../../../convoy/agent/v0/ListInventoryResponse.ts';

export interface AgentClient extends grpc.Client {
  Admit(argument: _convoy_agent_v0_AdmitRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_AdmitResponse__Output>): grpc.ClientUnaryCall;
  Admit(argument: _convoy_agent_v0_AdmitRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_agent_v0_AdmitResponse__Output>): grpc.ClientUnaryCall;
  Admit(argument: _convoy_agent_v0_AdmitRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_AdmitResponse__Output>): grpc.ClientUnaryCall;
  Admit(argument: _convoy_agent_v0_AdmitRequest, callback: grpc.requestCallback<_convoy_agent_v0_AdmitResponse__Output>): grpc.ClientUnaryCall;
  admit(argument: _convoy_agent_v0_AdmitRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_AdmitResponse__Output>): grpc.ClientUnaryCall;
  admit(argument: _convoy_agent_v0_AdmitRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_agent_v0_AdmitResponse__Output>): grpc.ClientUnaryCall;
  admit(argument: _convoy_agent_v0_AdmitRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_AdmitResponse__Output>): grpc.ClientUnaryCall;
  admit(argument: _convoy_agent_v0_AdmitRequest, callback: grpc.requestCallback<_convoy_agent_v0_AdmitResponse__Output>): grpc.ClientUnaryCall;
  
  Attest(argument: _convoy_agent_v0_AttestRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_AttestResponse__Output>): grpc.ClientUnaryCall;
  Attest(argument: _convoy_agent_v0_AttestRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_agent_v0_AttestResponse__Output>): grpc.ClientUnaryCall;
  Attest(argument: _convoy_agent_v0_AttestRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_AttestResponse__Output>): grpc.ClientUnaryCall;
  Attest(argument: _convoy_agent_v0_AttestRequest, callback: grpc.requestCallback<_convoy_agent_v0_AttestResponse__Output>): grpc.ClientUnaryCall;
  attest(argument: _convoy_agent_v0_AttestRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_AttestResponse__Output>): grpc.ClientUnaryCall;
  attest(argument: _convoy_agent_v0_AttestRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_agent_v0_AttestResponse__Output>): grpc.ClientUnaryCall;
  attest(argument: _convoy_agent_v0_AttestRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_AttestResponse__Output>): grpc.ClientUnaryCall;
  attest(argument: _convoy_agent_v0_AttestRequest, callback: grpc.requestCallback<_convoy_agent_v0_AttestResponse__Output>): grpc.ClientUnaryCall;
  
  Describe(argument: _convoy_agent_v0_DescribeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_DescribeResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _convoy_agent_v0_DescribeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_agent_v0_DescribeResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _convoy_agent_v0_DescribeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_DescribeResponse__Output>): grpc.ClientUnaryCall;
  Describe(argument: _convoy_agent_v0_DescribeRequest, callback: grpc.requestCallback<_convoy_agent_v0_DescribeResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _convoy_agent_v0_DescribeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_DescribeResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _convoy_agent_v0_DescribeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_agent_v0_DescribeResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _convoy_agent_v0_DescribeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_DescribeResponse__Output>): grpc.ClientUnaryCall;
  describe(argument: _convoy_agent_v0_DescribeRequest, callback: grpc.requestCallback<_convoy_agent_v0_DescribeResponse__Output>): grpc.ClientUnaryCall;
  
  FindVolume(argument: _convoy_agent_v0_FindVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_FindVolumeResponse__Output>): grpc.ClientUnaryCall;
  FindVolume(argument: _convoy_agent_v0_FindVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_agent_v0_FindVolumeResponse__Output>): grpc.ClientUnaryCall;
  FindVolume(argument: _convoy_agent_v0_FindVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_FindVolumeResponse__Output>): grpc.ClientUnaryCall;
  FindVolume(argument: _convoy_agent_v0_FindVolumeRequest, callback: grpc.requestCallback<_convoy_agent_v0_FindVolumeResponse__Output>): grpc.ClientUnaryCall;
  findVolume(argument: _convoy_agent_v0_FindVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_FindVolumeResponse__Output>): grpc.ClientUnaryCall;
  findVolume(argument: _convoy_agent_v0_FindVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_agent_v0_FindVolumeResponse__Output>): grpc.ClientUnaryCall;
  findVolume(argument: _convoy_agent_v0_FindVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_FindVolumeResponse__Output>): grpc.ClientUnaryCall;
  findVolume(argument: _convoy_agent_v0_FindVolumeRequest, callback: grpc.requestCallback<_convoy_agent_v0_FindVolumeResponse__Output>): grpc.ClientUnaryCall;
  
  ListInventory(argument: _convoy_agent_v0_ListInventoryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_ListInventoryResponse__Output>): grpc.ClientUnaryCall;
  ListInventory(argument: _convoy_agent_v0_ListInventoryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_agent_v0_ListInventoryResponse__Output>): grpc.ClientUnaryCall;
  ListInventory(argument: _convoy_agent_v0_ListInventoryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_ListInventoryResponse__Output>): grpc.ClientUnaryCall;
  ListInventory(argument: _convoy_agent_v0_ListInventoryRequest, callback: grpc.requestCallback<_convoy_agent_v0_ListInventoryResponse__Output>): grpc.ClientUnaryCall;
  listInventory(argument: _convoy_agent_v0_ListInventoryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_ListInventoryResponse__Output>): grpc.ClientUnaryCall;
  listInventory(argument: _convoy_agent_v0_ListInventoryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_agent_v0_ListInventoryResponse__Output>): grpc.ClientUnaryCall;
  listInventory(argument: _convoy_agent_v0_ListInventoryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_agent_v0_ListInventoryResponse__Output>): grpc.ClientUnaryCall;
  listInventory(argument: _convoy_agent_v0_ListInventoryRequest, callback: grpc.requestCallback<_convoy_agent_v0_ListInventoryResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface AgentHandlers extends grpc.UntypedServiceImplementation {
  Admit: grpc.handleUnaryCall<_convoy_agent_v0_AdmitRequest__Output, _convoy_agent_v0_AdmitResponse>;
  
  Attest: grpc.handleUnaryCall<_convoy_agent_v0_AttestRequest__Output, _convoy_agent_v0_AttestResponse>;
  
  Describe: grpc.handleUnaryCall<_convoy_agent_v0_DescribeRequest__Output, _convoy_agent_v0_DescribeResponse>;
  
  FindVolume: grpc.handleUnaryCall<_convoy_agent_v0_FindVolumeRequest__Output, _convoy_agent_v0_FindVolumeResponse>;
  
  ListInventory: grpc.handleUnaryCall<_convoy_agent_v0_ListInventoryRequest__Output, _convoy_agent_v0_ListInventoryResponse>;
  
}

export interface AgentDefinition extends grpc.ServiceDefinition {
  Admit: MethodDefinition<_convoy_agent_v0_AdmitRequest, _convoy_agent_v0_AdmitResponse, _convoy_agent_v0_AdmitRequest__Output, _convoy_agent_v0_AdmitResponse__Output>
  Attest: MethodDefinition<_convoy_agent_v0_AttestRequest, _convoy_agent_v0_AttestResponse, _convoy_agent_v0_AttestRequest__Output, _convoy_agent_v0_AttestResponse__Output>
  Describe: MethodDefinition<_convoy_agent_v0_DescribeRequest, _convoy_agent_v0_DescribeResponse, _convoy_agent_v0_DescribeRequest__Output, _convoy_agent_v0_DescribeResponse__Output>
  FindVolume: MethodDefinition<_convoy_agent_v0_FindVolumeRequest, _convoy_agent_v0_FindVolumeResponse, _convoy_agent_v0_FindVolumeRequest__Output, _convoy_agent_v0_FindVolumeResponse__Output>
  ListInventory: MethodDefinition<_convoy_agent_v0_ListInventoryRequest, _convoy_agent_v0_ListInventoryResponse, _convoy_agent_v0_ListInventoryRequest__Output, _convoy_agent_v0_ListInventoryResponse__Output>
}
