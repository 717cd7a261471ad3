// Original file: proto/admin.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CreateSnapshotRequest as _convoy_admin_v0_CreateSnapshotRequest, CreateSnapshotRequest__Output as _convoy_admin_v0_CreateSnapshotRequest__Output } from '../../../convoy/admin/v0/CreateSnapshotRequest.ts';
import type { CreateSnapshotResponse as _convoy_admin_v0_CreateSnapshotResponse, CreateSnapshotResponse__Output as _convoy_admin_v0_CreateSnapshotResponse__Output } from '../../../convoy/admin/v0/CreateSnapshotResponse.ts';
import type { CreateVolumeRequest as _convoy_admin_v0_CreateVolumeRequest, CreateVolumeRequest__Output as _convoy_admin_v0_CreateVolumeRequest__Output } from '../../../convoy/admin/v0/CreateVolumeRequest.ts';
import type { CreateVolumeResponse as _convoy_admin_v0_CreateVolumeResponse, CreateVolumeResponse__Output as _convoy_admin_v0_CreateVolumeResponse__Output } from '../../../convoy/admin/v0/CreateVolumeResponse.ts';
import type { DeleteSnapshotRequest as _convoy_admin_v0_DeleteSnapshotRequest, DeleteSnapshotRequest__Output as _convoy_admin_v0_DeleteSnapshotRequest__Output } from '../../../convoy/admin/v0/DeleteSnapshotRequest.ts';
import type { DeleteSnapshotResponse as _convoy_admin_v0_DeleteSnapshotResponse, DeleteSnapshotResponse__Output as _convoy_admin_v0_DeleteSnapshotResponse__Output } from '../../../convoy/admin/v0/DeleteSnapshotResponse.ts';
import type { DeleteVolumeRequest as _convoy_admin_v0_DeleteVolumeRequest, DeleteVolumeRequest__Output as _convoy_admin_v0_DeleteVolumeRequest__Output } from '../../../convoy/admin/v0/DeleteVolumeRequest.ts';
import type { DeleteVolumeResponse as _convoy_admin_v0_DeleteVolumeResponse, DeleteVolumeResponse__Output as _convoy_admin_v0_DeleteVolumeResponse__Output } from '../../../convoy/admin/v0/DeleteVolumeResponse.ts';
import type { DoctorEvent as _convoy_admin_v0_DoctorEvent, DoctorEvent__Output as _convoy_admin_v0_DoctorEvent__Output } from '../../../convoy/admin/v0/DoctorEvent.ts';
import type { ExpandVolumeRequest as _convoy_admin_v0_ExpandVolumeRequest, ExpandVolumeRequest__Output as _convoy_admin_v0_ExpandVolumeRequest__Output } from '../../../convoy/admin/v0/ExpandVolumeRequest.ts';
import type { ExpandVolumeResponse as _convoy_admin_v0_ExpandVolumeResponse, ExpandVolumeResponse__Output as _convoy_admin_v0_ExpandVolumeResponse__Output } from '../../../convoy/admin/v0/ExpandVolumeResponse.ts';
import type { ForgetNodeRequest as _convoy_admin_v0_ForgetNodeRequest, ForgetNodeRequest__Output as _convoy_admin_v0_ForgetNodeRequest__Output } from '../../../convoy/admin/v0/ForgetNodeRequest.ts';
import type { ForgetNodeResponse as _convoy_admin_v0_ForgetNodeResponse, ForgetNodeResponse__Output as _convoy_admin_v0_ForgetNodeResponse__Output } from '../../../convoy/admin/v0/ForgetNodeResponse.ts';
import type { InfoRequest as _convoy_admin_v0_InfoRequest, InfoRequest__Output as _convoy_admin_v0_InfoRequest__Output } from '../../../convoy/admin/v0/InfoRequest.ts';
import type { InfoResponse as _convoy_admin_v0_InfoResponse, InfoResponse__Output as _convoy_admin_v0_InfoResponse__Output } from '../../../convoy/admin/v0/InfoResponse.ts';
import type { InitPoolRequest as _convoy_admin_v0_InitPoolRequest, InitPoolRequest__Output as _convoy_admin_v0_InitPoolRequest__Output } from '../../../convoy/admin/v0/InitPoolRequest.ts';
import type { InitPoolResponse as _convoy_admin_v0_InitPoolResponse, InitPoolResponse__Output as _convoy_admin_v0_InitPoolResponse__Output } from '../../../convoy/admin/v0/InitPoolResponse.ts';
import type { InspectSnapshotRequest as _convoy_admin_v0_InspectSnapshotRequest, InspectSnapshotRequest__Output as _convoy_admin_v0_InspectSnapshotRequest__Output } from '../../../convoy/admin/v0/InspectSnapshotRequest.ts';
import type { InspectSnapshotResponse as _convoy_admin_v0_InspectSnapshotResponse, InspectSnapshotResponse__Output as _convoy_admin_v0_InspectSnapshotResponse__Output } from '../../../convoy/admin/v0/InspectSnapshotResponse.ts';
import type { InspectVolumeRequest as _convoy_admin_v0_InspectVolumeRequest, InspectVolumeRequest__Output as _convoy_admin_v0_InspectVolumeRequest__Output } from '../../../convoy/admin/v0/InspectVolumeRequest.ts';
import type { InspectVolumeResponse as _convoy_admin_v0_InspectVolumeResponse, InspectVolumeResponse__Output as _convoy_admin_v0_InspectVolumeResponse__Output } from '../../../convoy/admin/v0/InspectVolumeResponse.ts';
import type { Job as _convoy_admin_v0_Job, Job__Output as _convoy_admin_v0_Job__Output } from '../../../convoy/admin/v0/Job.ts';
import type { ListJobsRequest as _convoy_admin_v0_ListJobsRequest, ListJobsRequest__Output as _convoy_admin_v0_ListJobsRequest__Output } from '../../../convoy/admin/v0/ListJobsRequest.ts';
import type { ListJobsResponse as _convoy_admin_v0_ListJobsResponse, ListJobsResponse__Output as _convoy_admin_v0_ListJobsResponse__Output } from '../../../convoy/admin/v0/ListJobsResponse.ts';
import type { ListNodesRequest as _convoy_admin_v0_ListNodesRequest, ListNodesRequest__Output as _convoy_admin_v0_ListNodesRequest__Output } from '../../../convoy/admin/v0/ListNodesRequest.ts';
import type { ListNodesResponse as _convoy_admin_v0_ListNodesResponse, ListNodesResponse__Output as _convoy_admin_v0_ListNodesResponse__Output } from '../../../convoy/admin/v0/ListNodesResponse.ts';
import type { ListOrphansRequest as _convoy_admin_v0_ListOrphansRequest, ListOrphansRequest__Output as _convoy_admin_v0_ListOrphansRequest__Output } from '../../../convoy/admin/v0/ListOrphansRequest.ts';
import type { ListOrphansResponse as _convoy_admin_v0_ListOrphansResponse, ListOrphansResponse__Output as _convoy_admin_v0_ListOrphansResponse__Output } from '../../../convoy/admin/v0/ListOrphansResponse.ts';
import type { ListPoolsRequest as _convoy_admin_v0_ListPoolsRequest, ListPoolsRequest__Output as _convoy_admin_v0_ListPoolsRequest__Output } from '../../../convoy/admin/v0/ListPoolsRequest.ts';
import type { ListPoolsResponse as _convoy_admin_v0_ListPoolsResponse, ListPoolsResponse__Output as _convoy_admin_v0_ListPoolsResponse__Output } from '../../../convoy/admin/v0/ListPoolsResponse.ts';
import type { ListSnapshotsRequest as _convoy_admin_v0_ListSnapshotsRequest, ListSnapshotsRequest__Output as _convoy_admin_v0_ListSnapshotsRequest__Output } from '../../../convoy/admin/v0/ListSnapshotsRequest.ts';
import type { ListSnapshotsResponse as _convoy_admin_v0_ListSnapshotsResponse, ListSnapshotsResponse__Output as _convoy_admin_v0_ListSnapshotsResponse__Output } from '../../../convoy/admin/v0/ListSnapshotsResponse.ts';
import type { ListTrashRequest as _convoy_admin_v0_ListTrashRequest, ListTrashRequest__Output as _convoy_admin_v0_ListTrashRequest__Output } from '../../../convoy/admin/v0/ListTrashRequest.ts';
import type { ListTrashResponse as _convoy_admin_v0_ListTrashResponse, ListTrashResponse__Output as _convoy_admin_v0_ListTrashResponse__Output } from '../../../convoy/admin/v0/ListTrashResponse.ts';
import type { ListVolumesRequest as _convoy_admin_v0_ListVolumesRequest, ListVolumesRequest__Output as _convoy_admin_v0_ListVolumesRequest__Output } from '../../../convoy/admin/v0/ListVolumesRequest.ts';
import type { ListVolumesResponse as _convoy_admin_v0_ListVolumesResponse, ListVolumesResponse__Output as _convoy_admin_v0_ListVolumesResponse__Output } from '../../../convoy/admin/v0/ListVolumesResponse.ts';
import type { MountVolumeRequest as _convoy_admin_v0_MountVolumeRequest, MountVolumeRequest__Output as _convoy_admin_v0_MountVolumeRequest__Output } from '../../../convoy/admin/v0/MountVolumeRequest.ts';
import type { MountVolumeResponse as _convoy_admin_v0_MountVolumeResponse, MountVolumeResponse__Output as _convoy_admin_v0_MountVolumeResponse__Output } from '../../../convoy/admin/v0/MountVolumeResponse.ts';
import type { ReadmitNodeRequest as _convoy_admin_v0_ReadmitNodeRequest, ReadmitNodeRequest__Output as _convoy_admin_v0_ReadmitNodeRequest__Output } from '../../../convoy/admin/v0/ReadmitNodeRequest.ts';
import type { ReadmitNodeResponse as _convoy_admin_v0_ReadmitNodeResponse, ReadmitNodeResponse__Output as _convoy_admin_v0_ReadmitNodeResponse__Output } from '../../../convoy/admin/v0/ReadmitNodeResponse.ts';
import type { RunDoctorRequest as _convoy_admin_v0_RunDoctorRequest, RunDoctorRequest__Output as _convoy_admin_v0_RunDoctorRequest__Output } from '../../../convoy/admin/v0/RunDoctorRequest.ts';
import type { UmountVolumeRequest as _convoy_admin_v0_UmountVolumeRequest, UmountVolumeRequest__Output as _convoy_admin_v0_UmountVolumeRequest__Output } from '../../../convoy/admin/v0/UmountVolumeRequest.ts';
import type { UmountVolumeResponse as _convoy_admin_v0_UmountVolumeResponse, UmountVolumeResponse__Output as _convoy_admin_v0_UmountVolumeResponse__Output } from '../../../convoy/admin/v0/UmountVolumeResponse.ts';
import type { UndeleteVolumeRequest as _convoy_admin_v0_UndeleteVolumeRequest, UndeleteVolumeRequest__Output as _convoy_admin_v0_UndeleteVolumeRequest__Output } from '../../../convoy/admin/v0/UndeleteVolumeRequest.ts';
import type { UndeleteVolumeResponse as _convoy_admin_v0_UndeleteVolumeResponse, UndeleteVolumeResponse__Output as _convoy_admin_v0_UndeleteVolumeResponse__Output } from '../../../convoy/admin/v0/UndeleteVolumeResponse.ts';
import type { WatchJobsRequest as _convoy_admin_v0_WatchJobsRequest, WatchJobsRequest__Output as _convoy_admin_v0_WatchJobsRequest__Output } from '../../../convoy/admin/v0/WatchJobsRequest.ts';

export interface AdminClient extends grpc.Client {
  CreateSnapshot(argument: _convoy_admin_v0_CreateSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateSnapshot(argument: _convoy_admin_v0_CreateSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateSnapshot(argument: _convoy_admin_v0_CreateSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  CreateSnapshot(argument: _convoy_admin_v0_CreateSnapshotRequest, callback: grpc.requestCallback<_convoy_admin_v0_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: _convoy_admin_v0_CreateSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: _convoy_admin_v0_CreateSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: _convoy_admin_v0_CreateSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  createSnapshot(argument: _convoy_admin_v0_CreateSnapshotRequest, callback: grpc.requestCallback<_convoy_admin_v0_CreateSnapshotResponse__Output>): grpc.ClientUnaryCall;
  
  CreateVolume(argument: _convoy_admin_v0_CreateVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  CreateVolume(argument: _convoy_admin_v0_CreateVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  CreateVolume(argument: _convoy_admin_v0_CreateVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  CreateVolume(argument: _convoy_admin_v0_CreateVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  createVolume(argument: _convoy_admin_v0_CreateVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  createVolume(argument: _convoy_admin_v0_CreateVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  createVolume(argument: _convoy_admin_v0_CreateVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  createVolume(argument: _convoy_admin_v0_CreateVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_CreateVolumeResponse__Output>): grpc.ClientUnaryCall;
  
  DeleteSnapshot(argument: _convoy_admin_v0_DeleteSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  DeleteSnapshot(argument: _convoy_admin_v0_DeleteSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  DeleteSnapshot(argument: _convoy_admin_v0_DeleteSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  DeleteSnapshot(argument: _convoy_admin_v0_DeleteSnapshotRequest, callback: grpc.requestCallback<_convoy_admin_v0_DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteSnapshot(argument: _convoy_admin_v0_DeleteSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteSnapshot(argument: _convoy_admin_v0_DeleteSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteSnapshot(argument: _convoy_admin_v0_DeleteSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  deleteSnapshot(argument: _convoy_admin_v0_DeleteSnapshotRequest, callback: grpc.requestCallback<_convoy_admin_v0_DeleteSnapshotResponse__Output>): grpc.ClientUnaryCall;
  
  DeleteVolume(argument: _convoy_admin_v0_DeleteVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  DeleteVolume(argument: _convoy_admin_v0_DeleteVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  DeleteVolume(argument: _convoy_admin_v0_DeleteVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  DeleteVolume(argument: _convoy_admin_v0_DeleteVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  deleteVolume(argument: _convoy_admin_v0_DeleteVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  deleteVolume(argument: _convoy_admin_v0_DeleteVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  deleteVolume(argument: _convoy_admin_v0_DeleteVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  deleteVolume(argument: _convoy_admin_v0_DeleteVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_DeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  
  ExpandVolume(argument: _convoy_admin_v0_ExpandVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  ExpandVolume(argument: _convoy_admin_v0_ExpandVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  ExpandVolume(argument: _convoy_admin_v0_ExpandVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  ExpandVolume(argument: _convoy_admin_v0_ExpandVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_ExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  expandVolume(argument: _convoy_admin_v0_ExpandVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  expandVolume(argument: _convoy_admin_v0_ExpandVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  expandVolume(argument: _convoy_admin_v0_ExpandVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  expandVolume(argument: _convoy_admin_v0_ExpandVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_ExpandVolumeResponse__Output>): grpc.ClientUnaryCall;
  
  ForgetNode(argument: _convoy_admin_v0_ForgetNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ForgetNodeResponse__Output>): grpc.ClientUnaryCall;
  ForgetNode(argument: _convoy_admin_v0_ForgetNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ForgetNodeResponse__Output>): grpc.ClientUnaryCall;
  ForgetNode(argument: _convoy_admin_v0_ForgetNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ForgetNodeResponse__Output>): grpc.ClientUnaryCall;
  ForgetNode(argument: _convoy_admin_v0_ForgetNodeRequest, callback: grpc.requestCallback<_convoy_admin_v0_ForgetNodeResponse__Output>): grpc.ClientUnaryCall;
  forgetNode(argument: _convoy_admin_v0_ForgetNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ForgetNodeResponse__Output>): grpc.ClientUnaryCall;
  forgetNode(argument: _convoy_admin_v0_ForgetNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ForgetNodeResponse__Output>): grpc.ClientUnaryCall;
  forgetNode(argument: _convoy_admin_v0_ForgetNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ForgetNodeResponse__Output>): grpc.ClientUnaryCall;
  forgetNode(argument: _convoy_admin_v0_ForgetNodeRequest, callback: grpc.requestCallback<_convoy_admin_v0_ForgetNodeResponse__Output>): grpc.ClientUnaryCall;
  
  Info(argument: _convoy_admin_v0_InfoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InfoResponse__Output>): grpc.ClientUnaryCall;
  Info(argument: _convoy_admin_v0_InfoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_InfoResponse__Output>): grpc.ClientUnaryCall;
  Info(argument: _convoy_admin_v0_InfoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InfoResponse__Output>): grpc.ClientUnaryCall;
  Info(argument: _convoy_admin_v0_InfoRequest, callback: grpc.requestCallback<_convoy_admin_v0_InfoResponse__Output>): grpc.ClientUnaryCall;
  info(argument: _convoy_admin_v0_InfoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InfoResponse__Output>): grpc.ClientUnaryCall;
  info(argument: _convoy_admin_v0_InfoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_InfoResponse__Output>): grpc.ClientUnaryCall;
  info(argument: _convoy_admin_v0_InfoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InfoResponse__Output>): grpc.ClientUnaryCall;
  info(argument: _convoy_admin_v0_InfoRequest, callback: grpc.requestCallback<_convoy_admin_v0_InfoResponse__Output>): grpc.ClientUnaryCall;
  
  InitPool(argument: _convoy_admin_v0_InitPoolRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InitPoolResponse__Output>): grpc.ClientUnaryCall;
  InitPool(argument: _convoy_admin_v0_InitPoolRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_InitPoolResponse__Output>): grpc.ClientUnaryCall;
  InitPool(argument: _convoy_admin_v0_InitPoolRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InitPoolResponse__Output>): grpc.ClientUnaryCall;
  InitPool(argument: _convoy_admin_v0_InitPoolRequest, callback: grpc.requestCallback<_convoy_admin_v0_InitPoolResponse__Output>): grpc.ClientUnaryCall;
  initPool(argument: _convoy_admin_v0_InitPoolRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InitPoolResponse__Output>): grpc.ClientUnaryCall;
  initPool(argument: _convoy_admin_v0_InitPoolRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_InitPoolResponse__Output>): grpc.ClientUnaryCall;
  initPool(argument: _convoy_admin_v0_InitPoolRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InitPoolResponse__Output>): grpc.ClientUnaryCall;
  initPool(argument: _convoy_admin_v0_InitPoolRequest, callback: grpc.requestCallback<_convoy_admin_v0_InitPoolResponse__Output>): grpc.ClientUnaryCall;
  
  InspectSnapshot(argument: _convoy_admin_v0_InspectSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InspectSnapshotResponse__Output>): grpc.ClientUnaryCall;
  InspectSnapshot(argument: _convoy_admin_v0_InspectSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_InspectSnapshotResponse__Output>): grpc.ClientUnaryCall;
  InspectSnapshot(argument: _convoy_admin_v0_InspectSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InspectSnapshotResponse__Output>): grpc.ClientUnaryCall;
  InspectSnapshot(argument: _convoy_admin_v0_InspectSnapshotRequest, callback: grpc.requestCallback<_convoy_admin_v0_InspectSnapshotResponse__Output>): grpc.ClientUnaryCall;
  inspectSnapshot(argument: _convoy_admin_v0_InspectSnapshotRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InspectSnapshotResponse__Output>): grpc.ClientUnaryCall;
  inspectSnapshot(argument: _convoy_admin_v0_InspectSnapshotRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_InspectSnapshotResponse__Output>): grpc.ClientUnaryCall;
  inspectSnapshot(argument: _convoy_admin_v0_InspectSnapshotRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InspectSnapshotResponse__Output>): grpc.ClientUnaryCall;
  inspectSnapshot(argument: _convoy_admin_v0_InspectSnapshotRequest, callback: grpc.requestCallback<_convoy_admin_v0_InspectSnapshotResponse__Output>): grpc.ClientUnaryCall;
  
  InspectVolume(argument: _convoy_admin_v0_InspectVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InspectVolumeResponse__Output>): grpc.ClientUnaryCall;
  InspectVolume(argument: _convoy_admin_v0_InspectVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_InspectVolumeResponse__Output>): grpc.ClientUnaryCall;
  InspectVolume(argument: _convoy_admin_v0_InspectVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InspectVolumeResponse__Output>): grpc.ClientUnaryCall;
  InspectVolume(argument: _convoy_admin_v0_InspectVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_InspectVolumeResponse__Output>): grpc.ClientUnaryCall;
  inspectVolume(argument: _convoy_admin_v0_InspectVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InspectVolumeResponse__Output>): grpc.ClientUnaryCall;
  inspectVolume(argument: _convoy_admin_v0_InspectVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_InspectVolumeResponse__Output>): grpc.ClientUnaryCall;
  inspectVolume(argument: _convoy_admin_v0_InspectVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_InspectVolumeResponse__Output>): grpc.ClientUnaryCall;
  inspectVolume(argument: _convoy_admin_v0_InspectVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_InspectVolumeResponse__Output>): grpc.ClientUnaryCall;
  
  ListJobs(argument: _convoy_admin_v0_ListJobsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  ListJobs(argument: _convoy_admin_v0_ListJobsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  ListJobs(argument: _convoy_admin_v0_ListJobsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  ListJobs(argument: _convoy_admin_v0_ListJobsRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  listJobs(argument: _convoy_admin_v0_ListJobsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  listJobs(argument: _convoy_admin_v0_ListJobsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  listJobs(argument: _convoy_admin_v0_ListJobsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  listJobs(argument: _convoy_admin_v0_ListJobsRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListJobsResponse__Output>): grpc.ClientUnaryCall;
  
  ListNodes(argument: _convoy_admin_v0_ListNodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _convoy_admin_v0_ListNodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _convoy_admin_v0_ListNodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _convoy_admin_v0_ListNodesRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _convoy_admin_v0_ListNodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _convoy_admin_v0_ListNodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _convoy_admin_v0_ListNodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _convoy_admin_v0_ListNodesRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  
  ListOrphans(argument: _convoy_admin_v0_ListOrphansRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListOrphansResponse__Output>): grpc.ClientUnaryCall;
  ListOrphans(argument: _convoy_admin_v0_ListOrphansRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListOrphansResponse__Output>): grpc.ClientUnaryCall;
  ListOrphans(argument: _convoy_admin_v0_ListOrphansRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListOrphansResponse__Output>): grpc.ClientUnaryCall;
  ListOrphans(argument: _convoy_admin_v0_ListOrphansRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListOrphansResponse__Output>): grpc.ClientUnaryCall;
  listOrphans(argument: _convoy_admin_v0_ListOrphansRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListOrphansResponse__Output>): grpc.ClientUnaryCall;
  listOrphans(argument: _convoy_admin_v0_ListOrphansRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListOrphansResponse__Output>): grpc.ClientUnaryCall;
  listOrphans(argument: _convoy_admin_v0_ListOrphansRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListOrphansResponse__Output>): grpc.ClientUnaryCall;
  listOrphans(argument: _convoy_admin_v0_ListOrphansRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListOrphansResponse__Output>): grpc.ClientUnaryCall;
  
  ListPools(argument: _convoy_admin_v0_ListPoolsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListPoolsResponse__Output>): grpc.ClientUnaryCall;
  ListPools(argument: _convoy_admin_v0_ListPoolsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListPoolsResponse__Output>): grpc.ClientUnaryCall;
  ListPools(argument: _convoy_admin_v0_ListPoolsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListPoolsResponse__Output>): grpc.ClientUnaryCall;
  ListPools(argument: _convoy_admin_v0_ListPoolsRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListPoolsResponse__Output>): grpc.ClientUnaryCall;
  listPools(argument: _convoy_admin_v0_ListPoolsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListPoolsResponse__Output>): grpc.ClientUnaryCall;
  listPools(argument: _convoy_admin_v0_ListPoolsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListPoolsResponse__Output>): grpc.ClientUnaryCall;
  listPools(argument: _convoy_admin_v0_ListPoolsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListPoolsResponse__Output>): grpc.ClientUnaryCall;
  listPools(argument: _convoy_admin_v0_ListPoolsRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListPoolsResponse__Output>): grpc.ClientUnaryCall;
  
  ListSnapshots(argument: _convoy_admin_v0_ListSnapshotsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  ListSnapshots(argument: _convoy_admin_v0_ListSnapshotsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  ListSnapshots(argument: _convoy_admin_v0_ListSnapshotsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  ListSnapshots(argument: _convoy_admin_v0_ListSnapshotsRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: _convoy_admin_v0_ListSnapshotsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: _convoy_admin_v0_ListSnapshotsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: _convoy_admin_v0_ListSnapshotsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  listSnapshots(argument: _convoy_admin_v0_ListSnapshotsRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListSnapshotsResponse__Output>): grpc.ClientUnaryCall;
  
  ListTrash(argument: _convoy_admin_v0_ListTrashRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListTrashResponse__Output>): grpc.ClientUnaryCall;
  ListTrash(argument: _convoy_admin_v0_ListTrashRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListTrashResponse__Output>): grpc.ClientUnaryCall;
  ListTrash(argument: _convoy_admin_v0_ListTrashRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListTrashResponse__Output>): grpc.ClientUnaryCall;
  ListTrash(argument: _convoy_admin_v0_ListTrashRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListTrashResponse__Output>): grpc.ClientUnaryCall;
  listTrash(argument: _convoy_admin_v0_ListTrashRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListTrashResponse__Output>): grpc.ClientUnaryCall;
  listTrash(argument: _convoy_admin_v0_ListTrashRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListTrashResponse__Output>): grpc.ClientUnaryCall;
  listTrash(argument: _convoy_admin_v0_ListTrashRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListTrashResponse__Output>): grpc.ClientUnaryCall;
  listTrash(argument: _convoy_admin_v0_ListTrashRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListTrashResponse__Output>): grpc.ClientUnaryCall;
  
  ListVolumes(argument: _convoy_admin_v0_ListVolumesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  ListVolumes(argument: _convoy_admin_v0_ListVolumesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  ListVolumes(argument: _convoy_admin_v0_ListVolumesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  ListVolumes(argument: _convoy_admin_v0_ListVolumesRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  listVolumes(argument: _convoy_admin_v0_ListVolumesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  listVolumes(argument: _convoy_admin_v0_ListVolumesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  listVolumes(argument: _convoy_admin_v0_ListVolumesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  listVolumes(argument: _convoy_admin_v0_ListVolumesRequest, callback: grpc.requestCallback<_convoy_admin_v0_ListVolumesResponse__Output>): grpc.ClientUnaryCall;
  
  MountVolume(argument: _convoy_admin_v0_MountVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_MountVolumeResponse__Output>): grpc.ClientUnaryCall;
  MountVolume(argument: _convoy_admin_v0_MountVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_MountVolumeResponse__Output>): grpc.ClientUnaryCall;
  MountVolume(argument: _convoy_admin_v0_MountVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_MountVolumeResponse__Output>): grpc.ClientUnaryCall;
  MountVolume(argument: _convoy_admin_v0_MountVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_MountVolumeResponse__Output>): grpc.ClientUnaryCall;
  mountVolume(argument: _convoy_admin_v0_MountVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_MountVolumeResponse__Output>): grpc.ClientUnaryCall;
  mountVolume(argument: _convoy_admin_v0_MountVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_MountVolumeResponse__Output>): grpc.ClientUnaryCall;
  mountVolume(argument: _convoy_admin_v0_MountVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_MountVolumeResponse__Output>): grpc.ClientUnaryCall;
  mountVolume(argument: _convoy_admin_v0_MountVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_MountVolumeResponse__Output>): grpc.ClientUnaryCall;
  
  ReadmitNode(argument: _convoy_admin_v0_ReadmitNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ReadmitNodeResponse__Output>): grpc.ClientUnaryCall;
  ReadmitNode(argument: _convoy_admin_v0_ReadmitNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ReadmitNodeResponse__Output>): grpc.ClientUnaryCall;
  ReadmitNode(argument: _convoy_admin_v0_ReadmitNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ReadmitNodeResponse__Output>): grpc.ClientUnaryCall;
  ReadmitNode(argument: _convoy_admin_v0_ReadmitNodeRequest, callback: grpc.requestCallback<_convoy_admin_v0_ReadmitNodeResponse__Output>): grpc.ClientUnaryCall;
  readmitNode(argument: _convoy_admin_v0_ReadmitNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ReadmitNodeResponse__Output>): grpc.ClientUnaryCall;
  readmitNode(argument: _convoy_admin_v0_ReadmitNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_ReadmitNodeResponse__Output>): grpc.ClientUnaryCall;
  readmitNode(argument: _convoy_admin_v0_ReadmitNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_ReadmitNodeResponse__Output>): grpc.ClientUnaryCall;
  readmitNode(argument: _convoy_admin_v0_ReadmitNodeRequest, callback: grpc.requestCallback<_convoy_admin_v0_ReadmitNodeResponse__Output>): grpc.ClientUnaryCall;
  
  RunDoctor(argument: _convoy_admin_v0_RunDoctorRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_convoy_admin_v0_DoctorEvent__Output>;
  RunDoctor(argument: _convoy_admin_v0_RunDoctorRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_convoy_admin_v0_DoctorEvent__Output>;
  runDoctor(argument: _convoy_admin_v0_RunDoctorRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_convoy_admin_v0_DoctorEvent__Output>;
  runDoctor(argument: _convoy_admin_v0_RunDoctorRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_convoy_admin_v0_DoctorEvent__Output>;
  
  UmountVolume(argument: _convoy_admin_v0_UmountVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_UmountVolumeResponse__Output>): grpc.ClientUnaryCall;
  UmountVolume(argument: _convoy_admin_v0_UmountVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_UmountVolumeResponse__Output>): grpc.ClientUnaryCall;
  UmountVolume(argument: _convoy_admin_v0_UmountVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_UmountVolumeResponse__Output>): grpc.ClientUnaryCall;
  UmountVolume(argument: _convoy_admin_v0_UmountVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_UmountVolumeResponse__Output>): grpc.ClientUnaryCall;
  umountVolume(argument: _convoy_admin_v0_UmountVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_UmountVolumeResponse__Output>): grpc.ClientUnaryCall;
  umountVolume(argument: _convoy_admin_v0_UmountVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_UmountVolumeResponse__Output>): grpc.ClientUnaryCall;
  umountVolume(argument: _convoy_admin_v0_UmountVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_UmountVolumeResponse__Output>): grpc.ClientUnaryCall;
  umountVolume(argument: _convoy_admin_v0_UmountVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_UmountVolumeResponse__Output>): grpc.ClientUnaryCall;
  
  UndeleteVolume(argument: _convoy_admin_v0_UndeleteVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_UndeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  UndeleteVolume(argument: _convoy_admin_v0_UndeleteVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_UndeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  UndeleteVolume(argument: _convoy_admin_v0_UndeleteVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_UndeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  UndeleteVolume(argument: _convoy_admin_v0_UndeleteVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_UndeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  undeleteVolume(argument: _convoy_admin_v0_UndeleteVolumeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_UndeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  undeleteVolume(argument: _convoy_admin_v0_UndeleteVolumeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_convoy_admin_v0_UndeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  undeleteVolume(argument: _convoy_admin_v0_UndeleteVolumeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_convoy_admin_v0_UndeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  undeleteVolume(argument: _convoy_admin_v0_UndeleteVolumeRequest, callback: grpc.requestCallback<_convoy_admin_v0_UndeleteVolumeResponse__Output>): grpc.ClientUnaryCall;
  
  WatchJobs(argument: _convoy_admin_v0_WatchJobsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_convoy_admin_v0_Job__Output>;
  WatchJobs(argument: _convoy_admin_v0_WatchJobsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_convoy_admin_v0_Job__Output>;
  watchJobs(argument: _convoy_admin_v0_WatchJobsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_convoy_admin_v0_Job__Output>;
  watchJobs(argument: _convoy_admin_v0_WatchJobsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_convoy_admin_v0_Job__Output>;
  
}

export interface AdminHandlers extends grpc.UntypedServiceImplementation {
  CreateSnapshot: grpc.handleUnaryCall<_convoy_admin_v0_CreateSnapshotRequest__Output, _convoy_admin_v0_CreateSnapshotResponse>;
  
  CreateVolume: grpc.handleUnaryCall<_convoy_admin_v0_CreateVolumeRequest__Output, _convoy_admin_v0_CreateVolumeResponse>;
  
  DeleteSnapshot: grpc.handleUnaryCall<_convoy_admin_v0_DeleteSnapshotRequest__Output, _convoy_admin_v0_DeleteSnapshotResponse>;
  
  DeleteVolume: grpc.handleUnaryCall<_convoy_admin_v0_DeleteVolumeRequest__Output, _convoy_admin_v0_DeleteVolumeResponse>;
  
  ExpandVolume: grpc.handleUnaryCall<_convoy_admin_v0_ExpandVolumeRequest__Output, _convoy_admin_v0_ExpandVolumeResponse>;
  
  ForgetNode: grpc.handleUnaryCall<_convoy_admin_v0_ForgetNodeRequest__Output, _convoy_admin_v0_ForgetNodeResponse>;
  
  Info: grpc.handleUnaryCall<_convoy_admin_v0_InfoRequest__Output, _convoy_admin_v0_InfoResponse>;
  
  InitPool: grpc.handleUnaryCall<_convoy_admin_v0_InitPoolRequest__Output, _convoy_admin_v0_InitPoolResponse>;
  
  InspectSnapshot: grpc.handleUnaryCall<_convoy_admin_v0_InspectSnapshotRequest__Output, _convoy_admin_v0_InspectSnapshotResponse>;
  
  InspectVolume: grpc.handleUnaryCall<_convoy_admin_v0_InspectVolumeRequest__Output, _convoy_admin_v0_InspectVolumeResponse>;
  
  ListJobs: grpc.handleUnaryCall<_convoy_admin_v0_ListJobsRequest__Output, _convoy_admin_v0_ListJobsResponse>;
  
  ListNodes: grpc.handleUnaryCall<_convoy_admin_v0_ListNodesRequest__Output, _convoy_admin_v0_ListNodesResponse>;
  
  ListOrphans: grpc.handleUnaryCall<_convoy_admin_v0_ListOrphansRequest__Output, _convoy_admin_v0_ListOrphansResponse>;
  
  ListPools: grpc.handleUnaryCall<_convoy_admin_v0_ListPoolsRequest__Output, _convoy_admin_v0_ListPoolsResponse>;
  
  ListSnapshots: grpc.handleUnaryCall<_convoy_admin_v0_ListSnapshotsRequest__Output, _convoy_admin_v0_ListSnapshotsResponse>;
  
  ListTrash: grpc.handleUnaryCall<_convoy_admin_v0_ListTrashRequest__Output, _convoy_admin_v0_ListTrashResponse>;
  
  ListVolumes: grpc.handleUnaryCall<_convoy_admin_v0_ListVolumesRequest__Output, _convoy_admin_v0_ListVolumesResponse>;
  
  MountVolume: grpc.handleUnaryCall<_convoy_admin_v0_MountVolumeRequest__Output, _convoy_admin_v0_MountVolumeResponse>;
  
  ReadmitNode: grpc.handleUnaryCall<_convoy_admin_v0_ReadmitNodeRequest__Output, _convoy_admin_v0_ReadmitNodeResponse>;
  
  RunDoctor: grpc.handleServerStreamingCall<_convoy_admin_v0_RunDoctorRequest__Output, _convoy_admin_v0_DoctorEvent>;
  
  UmountVolume: grpc.handleUnaryCall<_convoy_admin_v0_UmountVolumeRequest__Output, _convoy_admin_v0_UmountVolumeResponse>;
  
  UndeleteVolume: grpc.handleUnaryCall<_convoy_admin_v0_UndeleteVolumeRequest__Output, _convoy_admin_v0_UndeleteVolumeResponse>;
  
  WatchJobs: grpc.handleServerStreamingCall<_convoy_admin_v0_WatchJobsRequest__Output, _convoy_admin_v0_Job>;
  
}

export interface AdminDefinition extends grpc.ServiceDefinition {
  CreateSnapshot: MethodDefinition<_convoy_admin_v0_CreateSnapshotRequest, _convoy_admin_v0_CreateSnapshotResponse, _convoy_admin_v0_CreateSnapshotRequest__Output, _convoy_admin_v0_CreateSnapshotResponse__Output>
  CreateVolume: MethodDefinition<_convoy_admin_v0_CreateVolumeRequest, _convoy_admin_v0_CreateVolumeResponse, _convoy_admin_v0_CreateVolumeRequest__Output, _convoy_admin_v0_CreateVolumeResponse__Output>
  DeleteSnapshot: MethodDefinition<_convoy_admin_v0_DeleteSnapshotRequest, _convoy_admin_v0_DeleteSnapshotResponse, _convoy_admin_v0_DeleteSnapshotRequest__Output, _convoy_admin_v0_DeleteSnapshotResponse__Output>
  DeleteVolume: MethodDefinition<_convoy_admin_v0_DeleteVolumeRequest, _convoy_admin_v0_DeleteVolumeResponse, _convoy_admin_v0_DeleteVolumeRequest__Output, _convoy_admin_v0_DeleteVolumeResponse__Output>
  ExpandVolume: MethodDefinition<_convoy_admin_v0_ExpandVolumeRequest, _convoy_admin_v0_ExpandVolumeResponse, _convoy_admin_v0_ExpandVolumeRequest__Output, _convoy_admin_v0_ExpandVolumeResponse__Output>
  ForgetNode: MethodDefinition<_convoy_admin_v0_ForgetNodeRequest, _convoy_admin_v0_ForgetNodeResponse, _convoy_admin_v0_ForgetNodeRequest__Output, _convoy_admin_v0_ForgetNodeResponse__Output>
  Info: MethodDefinition<_convoy_admin_v0_InfoRequest, _convoy_admin_v0_InfoResponse, _convoy_admin_v0_InfoRequest__Output, _convoy_admin_v0_InfoResponse__Output>
  InitPool: MethodDefinition<_convoy_admin_v0_InitPoolRequest, _convoy_admin_v0_InitPoolResponse, _convoy_admin_v0_InitPoolRequest__Output, _convoy_admin_v0_InitPoolResponse__Output>
  InspectSnapshot: MethodDefinition<_convoy_admin_v0_InspectSnapshotRequest, _convoy_admin_v0_InspectSnapshotResponse, _convoy_admin_v0_InspectSnapshotRequest__Output, _convoy_admin_v0_InspectSnapshotResponse__Output>
  InspectVolume: MethodDefinition<_convoy_admin_v0_InspectVolumeRequest, _convoy_admin_v0_InspectVolumeResponse, _convoy_admin_v0_InspectVolumeRequest__Output, _convoy_admin_v0_InspectVolumeResponse__Output>
  ListJobs: MethodDefinition<_convoy_admin_v0_ListJobsRequest, _convoy_admin_v0_ListJobsResponse, _convoy_admin_v0_ListJobsRequest__Output, _convoy_admin_v0_ListJobsResponse__Output>
  ListNodes: MethodDefinition<_convoy_admin_v0_ListNodesRequest, _convoy_admin_v0_ListNodesResponse, _convoy_admin_v0_ListNodesRequest__Output, _convoy_admin_v0_ListNodesResponse__Output>
  ListOrphans: MethodDefinition<_convoy_admin_v0_ListOrphansRequest, _convoy_admin_v0_ListOrphansResponse, _convoy_admin_v0_ListOrphansRequest__Output, _convoy_admin_v0_ListOrphansResponse__Output>
  ListPools: MethodDefinition<_convoy_admin_v0_ListPoolsRequest, _convoy_admin_v0_ListPoolsResponse, _convoy_admin_v0_ListPoolsRequest__Output, _convoy_admin_v0_ListPoolsResponse__Output>
  ListSnapshots: MethodDefinition<_convoy_admin_v0_ListSnapshotsRequest, _convoy_admin_v0_ListSnapshotsResponse, _convoy_admin_v0_ListSnapshotsRequest__Output, _convoy_admin_v0_ListSnapshotsResponse__Output>
  ListTrash: MethodDefinition<_convoy_admin_v0_ListTrashRequest, _convoy_admin_v0_ListTrashResponse, _convoy_admin_v0_ListTrashRequest__Output, _convoy_admin_v0_ListTrashResponse__Output>
  ListVolumes: MethodDefinition<_convoy_admin_v0_ListVolumesRequest, _convoy_admin_v0_ListVolumesResponse, _convoy_admin_v0_ListVolumesRequest__Output, _convoy_admin_v0_ListVolumesResponse__Output>
  MountVolume: MethodDefinition<_convoy_admin_v0_MountVolumeRequest, _convoy_admin_v0_MountVolumeResponse, _convoy_admin_v0_MountVolumeRequest__Output, _convoy_admin_v0_MountVolumeResponse__Output>
  ReadmitNode: MethodDefinition<_convoy_admin_v0_ReadmitNodeRequest, _convoy_admin_v0_ReadmitNodeResponse, _convoy_admin_v0_ReadmitNodeRequest__Output, _convoy_admin_v0_ReadmitNodeResponse__Output>
  RunDoctor: MethodDefinition<_convoy_admin_v0_RunDoctorRequest, _convoy_admin_v0_DoctorEvent, _convoy_admin_v0_RunDoctorRequest__Output, _convoy_admin_v0_DoctorEvent__Output>
  UmountVolume: MethodDefinition<_convoy_admin_v0_UmountVolumeRequest, _convoy_admin_v0_UmountVolumeResponse, _convoy_admin_v0_UmountVolumeRequest__Output, _convoy_admin_v0_UmountVolumeResponse__Output>
  UndeleteVolume: MethodDefinition<_convoy_admin_v0_UndeleteVolumeRequest, _convoy_admin_v0_UndeleteVolumeResponse, _convoy_admin_v0_UndeleteVolumeRequest__Output, _convoy_admin_v0_UndeleteVolumeResponse__Output>
  WatchJobs: MethodDefinition<_convoy_admin_v0_WatchJobsRequest, _convoy_admin_v0_Job, _convoy_admin_v0_WatchJobsRequest__Output, _convoy_admin_v0_Job__Output>
}
