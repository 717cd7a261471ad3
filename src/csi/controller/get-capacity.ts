import { parseCapability, useOf } from '../capability.ts';
import { refusedWriters } from '../many-writers.ts';
import { parseClassParameters } from '../parameters.ts';
import type { Edge, Rpc } from '../rpc.ts';
import { whereAt } from '../topology.ts';

/** What int64 holds; a pool that cannot know its size says more. */
const INT64_MAX = (1n << 63n) - 1n;

export const getCapacity =
  ({ pools, driverName }: Pick<Edge, 'pools' | 'driverName'>): Rpc<'GetCapacity'> =>
  async (request) => {
    const capabilities = request.volumeCapabilities.map((capability, index) =>
      parseCapability(`volume_capabilities[${index}]`, capability),
    );
    const { pool } = parseClassParameters(request.parameters);
    const where = whereAt(driverName, request.accessibleTopology);
    const impossible = useOf('volume_capabilities', capabilities).block && !pools.servesBlock;
    // The spec asks for the room for volumes with these capabilities: where none can be made, there is none.
    if (impossible || (await refusedWriters(pools, pool, capabilities)) !== undefined) return { availableCapacity: '0' };
    const capacity = await pools.capacity({ ...(pool === undefined ? {} : { pool }), ...where });
    return {
      availableCapacity: int64(capacity.availableBytes),
      maximumVolumeSize: { value: int64(capacity.maximumVolumeBytes) },
      minimumVolumeSize: { value: int64(capacity.minimumVolumeBytes) },
    };
  };

/** csi.proto: never negative. */
function int64(bytes: bigint): string {
  if (bytes < 0n) return '0';
  return String(bytes > INT64_MAX ? INT64_MAX : bytes);
}
