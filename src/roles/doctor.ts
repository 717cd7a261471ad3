import { randomBytes } from 'node:crypto';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Doctor } from '../admin/rpc.ts';
import type { Pools } from '../pool/api.ts';
import type { NodeService } from '../publish/api.ts';
import { CAP_SYS_RESOURCE, hasCapability } from '../system/capability.ts';

const NO_GROWTH =
  'the kernel lets only CAP_SYS_RESOURCE grow a mounted ext4, and this daemon has not got it: volumes grow when they are staged anew';
const STATES = { passed: 'PASSED', failed: 'FAILED', skipped: 'SKIPPED' } as const;

/** Runs the harmless part of the driver suite through the running daemon. The suite is loaded when it is first asked for. */
export function makeDoctor(pools: Pools, node: NodeService): Doctor {
  return async (poolName, call, report) => {
    const { CASES, ONLINE_GROWTH, runConformance } = await import('../conformance/index.ts');
    const harmless = new Set(CASES.filter(({ destructive }) => !destructive).map(({ title }) => title));
    const scratch = await mkdtemp(join(tmpdir(), 'convoy-doctor-'));
    try {
      const rig = { pools, node, poolName, prefix: `convoy-doctor-${randomBytes(4).toString('hex')}-`, scratch };
      await runConformance(rig, {
        signal: call.signal,
        skip: (await growsNoMountedExt4(pools, poolName)) ? new Map([[ONLINE_GROWTH, NO_GROWTH]]) : new Map(),
        report: ({ title, outcome, reason, durationMs }) => {
          // The others need a pool that may be lost: they are the tests', not an admin's.
          if (!harmless.has(title)) return;
          report({
            title,
            state: STATES[outcome],
            ...(reason === undefined ? {} : { detail: reason }),
            durationMs: Math.round(durationMs),
          });
        },
      });
    } finally {
      // Never recursive: were a volume still mounted below it, its data would go.
      await rmdir(scratch).catch(() => undefined);
    }
  };
}

async function growsNoMountedExt4(pools: Pools, poolName: string): Promise<boolean> {
  const pool = (await pools.status()).find(({ config }) => config.name === poolName);
  return pool?.properties?.fileSystems[0] === 'ext4' && !hasCapability(CAP_SYS_RESOURCE);
}
