import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { ConvoyDriver, DriverDeps } from '../../../src/convoy/contract.ts';
import { ConvoyError, isConvoyError } from '../../../src/convoy/errors.ts';
import { DriverRegistry } from '../../../src/convoy/registry.ts';
import type { PoolConfig } from '../../../src/pool/api.ts';
import { openPools } from '../../../src/pool/open-pools.ts';
import { outlinePools, outlineTotals } from '../../../src/pool/outline.ts';

const ZONE = { 'topology.kubernetes.io/zone': 'a' };

/** Drivers `local` and `global`, whose storage is never there. */
const registry = new DriverRegistry();
for (const scope of ['local', 'global'] as const) {
  const away = (): Promise<never> => Promise.reject(new ConvoyError('Unavailable', 'it is not mounted'));
  const driver = {
    properties: { scope, access: 'directory' },
    operations: { volume: {}, access: {}, storage: { place: away, readMarker: away } },
    name: () => scope,
    close: async () => {},
  };
  registry.register(scope, async () => driver as unknown as ConvoyDriver, { summary: scope, binaries: [], options: {} });
}

const config = (name: string, driver: 'local' | 'global', segments?: PoolConfig['segments']): PoolConfig => ({
  name,
  driver,
  options: {},
  init: 'manual',
  overcommit: 1,
  thin: false,
  onDelete: 'delete',
  trashRetentionMs: 0,
  maxJobs: 1,
  allowParameters: [],
  ...(segments === undefined ? {} : { segments }),
});
const files = { readText: async () => undefined, writeDurable: async () => {} };
const deps = { system: { files }, log: { info: () => {}, warn: () => {} } } as unknown as DriverDeps;

describe('segments', () => {
  it('of a pool that turns out local are refused, naming the pool', async () => {
    const configs = [config('shared', 'global', ZONE), config('fast', 'local', ZONE)];
    await assert.rejects(outlinePools({ configs, root: '/nowhere', registry, deps }), (error) => {
      assert.ok(isConvoyError(error, 'InvalidArgument'));
      assert.match(error.message, /^pool "fast": segments say where a global pool is reached from, and driver local makes this one local/);
      return true;
    });
  });

  const TOTALS: readonly (readonly [string, readonly PoolConfig[], boolean])[] = [
    ['a local pool', [config('fast', 'local')], true],
    ['a global pool that is reached from everywhere', [config('shared', 'global')], false],
    ['a global pool with segments', [config('shared', 'global', ZONE)], true],
    ['one of both kinds', [config('shared', 'global'), config('fast', 'local')], true],
    ['two global pools, of which one has segments', [config('shared', 'global'), config('zonal', 'global', ZONE)], true],
  ];
  for (const [what, configs, want] of TOTALS)
    it(`and scope decide whether there is topology: ${what}`, async () => {
      const outlines = await outlinePools({ configs, root: '/nowhere', registry, deps });
      assert.equal(outlineTotals(outlines).hasTopology, want);
      await withPools(configs, async (pools) => assert.equal(pools.hasTopology, want));
    });
});

describe('the room of a node that only publishes', () => {
  for (const configs of [[config('shared', 'global')], [config('shared', 'global'), config('other', 'global')]])
    it(`from ${configs.length} pools is none, without an error`, () =>
      withPools(configs, async (pools) => assert.equal((await pools.capacity({})).availableBytes, 0n)));

  it('is not that of its default pool, but of what it manages', () =>
    withPools(
      [config('shared', 'global'), config('fast', 'local')],
      async (pools) => {
        // It asks the local one, and that is not there.
        await assert.rejects(pools.capacity({}), /pool fast is unavailable/);
        await assert.rejects(pools.capacity({ pool: 'shared' }), /ask the controller/);
      },
      'shared',
    ));
});

async function withPools(
  configs: readonly PoolConfig[],
  work: (pools: Awaited<ReturnType<typeof openPools>>) => Promise<void>,
  defaultPool?: string,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'convoy-outline-'));
  const pools = await openPools({
    configs,
    ...(defaultPool === undefined ? {} : { defaultPool }),
    nodeName: 'alpha',
    root,
    registry,
    deps,
    manages: (scope) => scope === 'local',
  });
  try {
    await work(pools);
  } finally {
    await pools.close();
    await rm(root, { recursive: true });
  }
}
