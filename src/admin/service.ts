import { forgetNode, infoOfController, listNodes, listOrphans, listPoolsOfController, readmitNode } from './cluster.ts';
import type { ClusterName, LocalName, StreamName } from './definitions.ts';
import { runDoctor } from './doctor.ts';
import { listJobs, watchJobs } from './jobs.ts';
import { info, initPool, listPools } from './pools.ts';
import type { ClusterRpc, StreamRpc, UnaryRpc } from './rpc.ts';
import { createSnapshot, deleteSnapshot, inspectSnapshot, listSnapshots } from './snapshots.ts';
import { listTrash, undeleteVolume } from './trash.ts';
import { createVolume, deleteVolume, expandVolume, inspectVolume, listVolumes, mountVolume, umountVolume } from './volumes.ts';

/** The service's tables: a missing RPC, or one with a wrong answer, does not compile. */
export const UNARY: { readonly [Name in LocalName]: UnaryRpc<Name> } = {
  Info: info,
  ListPools: listPools,
  InitPool: initPool,
  CreateVolume: createVolume,
  ListVolumes: listVolumes,
  InspectVolume: inspectVolume,
  MountVolume: mountVolume,
  UmountVolume: umountVolume,
  ExpandVolume: expandVolume,
  DeleteVolume: deleteVolume,
  ListTrash: listTrash,
  UndeleteVolume: undeleteVolume,
  CreateSnapshot: createSnapshot,
  ListSnapshots: listSnapshots,
  InspectSnapshot: inspectSnapshot,
  DeleteSnapshot: deleteSnapshot,
  ListJobs: listJobs,
};

export const STREAMING: { readonly [Name in StreamName]: StreamRpc<Name> } = { WatchJobs: watchJobs, RunDoctor: runDoctor };

/** What a controller serves. */
export const CLUSTER_UNARY: { readonly [Name in ClusterName | 'Info' | 'ListPools']: ClusterRpc<Name> } = {
  Info: infoOfController,
  ListPools: listPoolsOfController,
  ListNodes: listNodes,
  ForgetNode: forgetNode,
  ReadmitNode: readmitNode,
  ListOrphans: listOrphans,
};
