import type { Edge, Rpc } from '../rpc.ts';
import { topologyOf } from '../topology.ts';

export const nodeGetInfo =
  ({ pools, driverName }: Pick<Edge, 'pools' | 'driverName'>): Rpc<'NodeGetInfo'> =>
  () => ({
    nodeId: pools.nodeName,
    // Directories and loop devices have no limit worth telling: 0 leaves it to the orchestrator.
    maxVolumesPerNode: '0',
    // Only with VOLUME_ACCESSIBILITY_CONSTRAINTS, which local pools bring.
    accessibleTopology: pools.hasLocalPool ? topologyOf(driverName, pools.nodeName) : null,
  });
