import type { Operations } from '../convoy/contract.ts';
import type { Pools } from '../pool/api.ts';
import type { RpcName } from './definitions.ts';
import type { _csi_v1_ControllerServiceCapability_RPC_Type__Output as ControllerType } from './gen/csi/v1/ControllerServiceCapability.ts';
import type { _csi_v1_NodeServiceCapability_RPC_Type__Output as NodeType } from './gen/csi/v1/NodeServiceCapability.ts';
import type { _csi_v1_PluginCapability_Service_Type__Output as ServiceType } from './gen/csi/v1/PluginCapability.ts';

interface Gives {
  readonly controller?: readonly ControllerType[];
  readonly node?: readonly NodeType[];
  /** Without this other group nothing of it is advertised. */
  readonly needs?: keyof Operations;
}

/**
 * What each operation group comes to in CSI. There is no other list of capabilities: what drivers implement is what is
 * advertised. Never advertised: PUBLISH_UNPUBLISH_VOLUME (nothing attaches), LIST_VOLUMES_PUBLISHED_NODES, MODIFY_VOLUME,
 * VOLUME_MOUNT_GROUP (file systems of our own take Kubernetes' fsGroup) and the group services.
 */
export const CAPABILITIES = {
  volume: { controller: ['CREATE_DELETE_VOLUME', 'LIST_VOLUMES', 'GET_VOLUME', 'SINGLE_NODE_MULTI_WRITER'] },
  // Stats need no group: statfs of the mounted file system answers where a driver has nothing better.
  access: { node: ['STAGE_UNSTAGE_VOLUME', 'GET_VOLUME_STATS', 'SINGLE_NODE_MULTI_WRITER'] },
  storage: {},
  records: {},
  trash: {},
  // spec.md: CREATE_DELETE_SNAPSHOT promises that volumes can be made from snapshots.
  snapshot: { controller: ['CREATE_DELETE_SNAPSHOT', 'LIST_SNAPSHOTS', 'GET_SNAPSHOT'], needs: 'clone' },
  clone: { controller: ['CLONE_VOLUME'] },
  expand: { controller: ['EXPAND_VOLUME'], node: ['EXPAND_VOLUME'] },
  backup: {},
  stats: {},
  capacity: { controller: ['GET_CAPACITY'] },
  health: { controller: ['GET_VOLUME_HEALTH', 'LIST_VOLUME_HEALTH'], node: ['GET_VOLUME_HEALTH', 'GET_STORAGE_HEALTH'] },
  holders: {},
} as const satisfies Record<keyof Operations, Gives>;

export interface Advertised {
  readonly plugin: readonly ServiceType[];
  /** ONLINE: also while published. (OFFLINE would say: only while not published.) */
  readonly expandsOnline: boolean;
  readonly controller: readonly ControllerType[];
  readonly node: readonly NodeType[];
}

/** What this process advertises. Fixed from the start: by configuration, not by which pools are open just now. */
export function advertised(pools: Pick<Pools, 'implemented' | 'hasTopology'>): Advertised {
  const groups = Object.entries<Gives>(CAPABILITIES).filter(
    ([group, { needs }]) => pools.implemented.has(group as keyof Operations) && (needs === undefined || pools.implemented.has(needs)),
  );
  const topology: readonly ServiceType[] = ['VOLUME_ACCESSIBILITY_CONSTRAINTS', 'SNAPSHOT_ACCESSIBILITY_CONSTRAINTS'];
  return {
    plugin: ['CONTROLLER_SERVICE', ...(pools.hasTopology ? topology : [])],
    expandsOnline: pools.implemented.has('expand'),
    controller: groups.flatMap(([, gives]) => gives.controller ?? []),
    node: groups.flatMap(([, gives]) => gives.node ?? []),
  };
}

/** The capability that each RPC belongs to; the others are always served. */
const REQUIRED: Partial<Readonly<Record<RpcName, { readonly controller: ControllerType } | { readonly node: NodeType }>>> = {
  CreateVolume: { controller: 'CREATE_DELETE_VOLUME' },
  DeleteVolume: { controller: 'CREATE_DELETE_VOLUME' },
  ControllerPublishVolume: { controller: 'PUBLISH_UNPUBLISH_VOLUME' },
  ControllerUnpublishVolume: { controller: 'PUBLISH_UNPUBLISH_VOLUME' },
  ListVolumes: { controller: 'LIST_VOLUMES' },
  ControllerGetVolume: { controller: 'GET_VOLUME' },
  ControllerListVolumeHealth: { controller: 'LIST_VOLUME_HEALTH' },
  ControllerGetVolumeHealth: { controller: 'GET_VOLUME_HEALTH' },
  ControllerModifyVolume: { controller: 'MODIFY_VOLUME' },
  GetCapacity: { controller: 'GET_CAPACITY' },
  CreateSnapshot: { controller: 'CREATE_DELETE_SNAPSHOT' },
  DeleteSnapshot: { controller: 'CREATE_DELETE_SNAPSHOT' },
  ListSnapshots: { controller: 'LIST_SNAPSHOTS' },
  GetSnapshot: { controller: 'GET_SNAPSHOT' },
  ControllerExpandVolume: { controller: 'EXPAND_VOLUME' },
  NodeStageVolume: { node: 'STAGE_UNSTAGE_VOLUME' },
  NodeUnstageVolume: { node: 'STAGE_UNSTAGE_VOLUME' },
  NodeGetVolumeStats: { node: 'GET_VOLUME_STATS' },
  NodeExpandVolume: { node: 'EXPAND_VOLUME' },
  NodeGetVolumeHealth: { node: 'GET_VOLUME_HEALTH' },
  NodeGetStorageHealth: { node: 'GET_STORAGE_HEALTH' },
};

/** The capability for want of which an RPC is not served; undefined when it is served. */
export function missingCapability(rpc: RpcName, { controller, node }: Advertised): string | undefined {
  const required = REQUIRED[rpc];
  if (required === undefined) return undefined;
  if ('controller' in required) return controller.includes(required.controller) ? undefined : required.controller;
  return node.includes(required.node) ? undefined : required.node;
}
