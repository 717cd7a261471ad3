import type { HealthProblem } from '../../convoy/contract.ts';
import { mergeProblems } from '../messages.ts';
import type { Edge, Rpc } from '../rpc.ts';

/** CSI knows two kinds for storage; lost data leaves the storage working, less of it. */
const STATUS = {
  Degraded: 'STORAGE_DEGRADED',
  Inaccessible: 'STORAGE_UNREACHABLE',
  DataLoss: 'STORAGE_DEGRADED',
} as const satisfies Record<HealthProblem['status'], string>;

export const nodeGetStorageHealth =
  ({ pools }: Pick<Edge, 'pools'>): Rpc<'NodeGetStorageHealth'> =>
  async () => {
    const problems = await pools.storageHealth();
    // (status, reason) is unique over all pools: the message names the pool. Merged by what CSI will call the status.
    const told = problems.map(({ pool, status, reason, message }) => ({
      status: status === 'DataLoss' ? ('Degraded' as const) : status,
      reason,
      message: `pool ${pool}: ${message}`,
    }));
    return { backendHealth: mergeProblems(told).map(({ status, reason, message }) => ({ status: STATUS[status], reason, message })) };
  };
