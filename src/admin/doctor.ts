import { invalid } from '../convoy/errors.ts';
import type { StreamRpc } from './rpc.ts';
import { assertPool } from './volumes.ts';

export const runDoctor: StreamRpc<'RunDoctor'> = async ({ pools, doctor }, request, call, send) => {
  if (request.pool === '') throw invalid('pool is required');
  await assertPool(pools, request.pool);
  await doctor(request.pool, call, ({ title, state, detail, durationMs }) => {
    send({ title, state, detail: detail ?? '', durationMs: durationMs ?? 0 });
  });
};
