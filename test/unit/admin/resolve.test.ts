import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveSnapshot, resolveTrashItem, resolveVolume } from '../../../src/admin/resolve.ts';
import { ConvoyError, type ErrorCode, isConvoyError } from '../../../src/convoy/errors.ts';
import type { Pools } from '../../../src/pool/api.ts';

/** Only what resolving asks for: pools by name, each with the objects that it has, or away. */
function poolsWith(held: Readonly<Record<string, readonly string[] | 'away'>>): Pools {
  const look = async (pool: string, name: string): Promise<{ id: string; pool: string } | undefined> => {
    const names = held[pool];
    if (names === 'away') throw new ConvoyError('Unavailable', `pool ${pool} is unavailable: mount the disk`);
    return names?.includes(name) === true ? { id: `id-in-${pool}`, pool } : undefined;
  };
  const fake = {
    nodeName: 'n',
    status: async () => Object.keys(held).map((name) => ({ config: { name }, scope: 'local' })),
    findVolume: (name: string, pool: string) => look(pool, name),
    getSnapshot: async (id: string) => {
      const found = await look(id.split('.')[0] ?? '', 's');
      if (found === undefined) throw new ConvoyError('NotFound', `snapshot ${id} does not exist`);
      return found;
    },
    listTrash: async () => [],
  };
  return fake as unknown as Pools;
}

const code =
  (expected: ErrorCode, message: RegExp) =>
  (error: unknown): boolean =>
    isConvoyError(error, expected) && message.test(error.message);

describe('a name that a person gives', () => {
  it('is looked for in all pools', async () => {
    assert.equal((await resolveVolume(poolsWith({ a: [], b: ['v'] }), 'v')).pool, 'b');
    assert.equal((await resolveSnapshot(poolsWith({ a: [], b: ['s'] }), 's')).pool, 'b');
  });

  it('is not found only when every pool says so', async () => {
    await assert.rejects(resolveVolume(poolsWith({ a: [], b: [] }), 'v'), code('NotFound', /^volume "v" does not exist$/));
    await assert.rejects(
      resolveVolume(poolsWith({ a: 'away', b: [] }), 'v'),
      code('Unavailable', /^volume "v" is in no open pool, and pool a is unavailable: mount the disk$/),
    );
    await assert.rejects(resolveSnapshot(poolsWith({ a: [], b: 'away' }), 's'), code('Unavailable', /pool b/));
  });

  it('is found beside a pool that is away', async () => {
    assert.equal((await resolveVolume(poolsWith({ a: 'away', b: ['v'] }), 'v')).pool, 'b');
    assert.equal((await resolveSnapshot(poolsWith({ a: 'away', b: ['s'] }), 's')).pool, 'b');
  });

  it('that two pools have is never guessed at', async () => {
    await assert.rejects(
      resolveVolume(poolsWith({ a: ['v'], b: ['v'] }), 'v'),
      code('InvalidArgument', /in 2 pools: name it by its id, one of id-in-a, id-in-b/),
    );
  });

  it('and is not in the trash is told with where to look', async () => {
    await assert.rejects(resolveTrashItem(poolsWith({ a: [] }), '', 'x'), code('NotFound', /the trash has no volume or snapshot "x"/));
  });
});
