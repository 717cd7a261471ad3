import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ONLINE_GROWTH, type Rig, runConformance } from '../../src/conformance/index.ts';
import { DriverRegistry } from '../../src/convoy/registry.ts';
import { registerAll } from '../../src/drivers/all.ts';
import type { CreateVolumeInput, Pools } from '../../src/pool/api.ts';
import { openScratchFs } from '../support/scratch-fs.ts';
import { openScratchRig, type ScratchRig } from '../support/scratch-rig.ts';

const MIB = 1n << 20n;
const PREFIX = 'convoy-doctor-0123abcd-';
/** It may need a capability that this process has not (loop.test.ts). */
const SKIP = new Map([[ONLINE_GROWTH, 'proven by loop.test.ts']]);

describe('the part of the suite that runs on a pool in use', () => {
  it('keeps to names of its own and to 256 MiB, and leaves nothing', async () => {
    const fs = openScratchFs('xfs', 1n << 30n);
    const directory = mkdtempSync(join(tmpdir(), 'convoy-harmless-'));
    const registry = new DriverRegistry();
    registerAll(registry);
    const path = join(fs.path, 'pool');
    mkdirSync(path);
    const rig = await openScratchRig({ registry, driver: 'loop', options: { 'loop.path': path }, fileSystem: fs.path, directory });
    try {
      const before = await rig.destructive.inventory();
      const watched = new Watched(rig);
      const results = await runConformance(watched, { skip: SKIP });
      assert.deepEqual(
        results.filter((each) => each.outcome === 'failed').map((each) => `${each.title}: ${each.reason}`),
        [],
      );
      assert.ok(results.filter((each) => each.outcome === 'passed').length > 25);
      assert.deepEqual(
        watched.names.filter((name) => name !== '' && !name.startsWith(PREFIX)),
        [],
      );
      assert.ok(watched.mostBytes <= 256n * MIB, `at most ${watched.mostBytes} bytes were promised at once`);
      assert.deepEqual(await rig.destructive.inventory(), before);
    } finally {
      await rig.close();
      fs.close();
      rmSync(directory, { recursive: true });
    }
  });
});

/** A rig without destructive means, whose calls are looked at. */
class Watched implements Rig {
  readonly poolName: string;
  readonly prefix = PREFIX;
  readonly scratch: string;
  readonly node: Rig['node'];
  readonly pools: Pools;
  readonly names: string[] = [];
  mostBytes = 0n;

  constructor(rig: ScratchRig) {
    this.poolName = rig.poolName;
    this.scratch = rig.scratch;
    this.node = rig.node;
    const { pools } = rig;
    const measured = async <T>(work: Promise<T>): Promise<T> => {
      const result = await work;
      const [status] = await pools.status();
      const promised = status?.promisedBytes ?? 0n;
      if (promised > this.mostBytes) this.mostBytes = promised;
      return result;
    };
    const seen: Partial<Pools> = {
      createVolume: (input: CreateVolumeInput, call) => {
        this.names.push(input.name);
        return measured(pools.createVolume(input, call));
      },
      createSnapshot: (input, call) => {
        this.names.push(input.name);
        return measured(pools.createSnapshot(input, call));
      },
      expandVolume: (id, range, call) => measured(pools.expandVolume(id, range, call)),
    };
    this.pools = new Proxy(pools, {
      get: (target, key) => {
        const value: unknown = Reflect.get(seen, key) ?? Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}
