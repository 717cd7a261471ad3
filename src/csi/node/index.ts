import type { NodeMethods } from '../definitions.ts';
import type { Edge, Rpcs } from '../rpc.ts';
import { nodeExpandVolume } from './node-expand-volume.ts';
import { nodeGetCapabilities } from './node-get-capabilities.ts';
import { nodeGetInfo } from './node-get-info.ts';
import { nodeGetStorageHealth } from './node-get-storage-health.ts';
import { nodeGetVolumeHealth } from './node-get-volume-health.ts';
import { nodeGetVolumeStats } from './node-get-volume-stats.ts';
import { nodePublishVolume } from './node-publish-volume.ts';
import { nodeStageVolume } from './node-stage-volume.ts';
import { nodeUnpublishVolume } from './node-unpublish-volume.ts';
import { nodeUnstageVolume } from './node-unstage-volume.ts';

export const nodeRpcs = (edge: Edge): Rpcs<NodeMethods> => ({
  NodeStageVolume: nodeStageVolume(edge),
  NodeUnstageVolume: nodeUnstageVolume(edge),
  NodePublishVolume: nodePublishVolume(edge),
  NodeUnpublishVolume: nodeUnpublishVolume(edge),
  NodeGetVolumeStats: nodeGetVolumeStats(edge),
  NodeGetVolumeHealth: nodeGetVolumeHealth(edge),
  NodeGetStorageHealth: nodeGetStorageHealth(edge),
  NodeExpandVolume: nodeExpandVolume(edge),
  NodeGetCapabilities: nodeGetCapabilities(edge),
  NodeGetInfo: nodeGetInfo(edge),
});
