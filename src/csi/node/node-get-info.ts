import type { Edge, Rpc } from '../rpc.ts';
import { topologyOfNode } from '../topology.ts';

export const nodeGetInfo =
  ({ pools, driverName, topology, advertised }: Pick<Edge, 'pools' | 'driverName' | 'topology' | 'advertised'>): Rpc<'NodeGetInfo'> =>
  () => ({
    nodeId: pools.nodeName,
    // Directories and loop devices have no limit worth telling: 0 leaves it to the orchestrator.
    maxVolumesPerNode: '0',
    // csi.proto: only with this capability.
    accessibleTopology: advertised.plugin.includes('VOLUME_ACCESSIBILITY_CONSTRAINTS')
      ? topologyOfNode(driverName, pools.nodeName, topology)
      : null,
  });
