import type { HealthProblem } from '../convoy/contract.ts';
import { invalid } from '../convoy/errors.ts';
import { nodeKey } from '../convoy/ids.ts';
import type { Pools } from '../pool/api.ts';
import type { InfoResponse } from './gen/convoy/admin/v0/InfoResponse.ts';
import type { Pool as PoolMessage } from './gen/convoy/admin/v0/Pool.ts';
import { poolMessage, timestamp } from './messages.ts';
import type { About, UnaryRpc } from './rpc.ts';
import { assertPool } from './volumes.ts';

export const info: UnaryRpc<'Info'> = async ({ pools, about }) => ({
  ...aboutMessage(about),
  nodeName: pools.nodeName,
  nodeKey: nodeKey(pools.nodeName),
  pools: await poolMessages(pools),
});

export const aboutMessage = (about: About): InfoResponse => ({
  version: about.version,
  driverName: about.driverName,
  role: about.role,
  root: about.root,
  endpoint: about.endpoint,
  pid: process.pid,
  startedAt: timestamp(about.startedAt),
  residentBytes: process.memoryUsage.rss(),
  drivers: [...about.drivers],
});

export const listPools: UnaryRpc<'ListPools'> = async ({ pools }) => ({ pools: await poolMessages(pools) });

const HOW = { INIT: 'init', REPLACE: 'replace', ADOPT: 'adopt' } as const;

export const initPool: UnaryRpc<'InitPool'> = async ({ pools }, request) => {
  if (request.how === 'HOW_UNSPECIFIED') throw invalid('how is required: INIT, REPLACE or ADOPT');
  await assertPool(pools, request.pool);
  return { pool: poolMessage(await pools.initPool(request.pool, HOW[request.how])) };
};

export async function poolMessages(pools: Pools): Promise<PoolMessage[]> {
  const [statuses, problems] = await Promise.all([pools.status(), pools.storageHealth()]);
  return statuses.map((status) => poolMessage(status, problemsOf(problems, status.config.name)));
}

const problemsOf = (problems: readonly (HealthProblem & { readonly pool: string })[], pool: string): readonly HealthProblem[] =>
  problems.filter((problem) => problem.pool === pool);
