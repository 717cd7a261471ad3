import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { optionsOf } from '../../../src/directory/mount-options.ts';
import type { MountEntry } from '../../../src/system/api.ts';

const mounted = (target: string, ...superOptions: string[]): MountEntry => ({
  id: 1,
  parentId: 0,
  device: '0:1',
  root: '/',
  target,
  options: ['rw'],
  propagation: [],
  fsType: 'nfs4',
  source: 'server:/export',
  superOptions,
});

describe('options of the mount that a path is on', () => {
  const of = (path: string, ...entries: MountEntry[]): Promise<readonly string[]> => optionsOf({ list: async () => entries }, path);

  it('are of the deepest mount, whose name is a whole part of the path', async () => {
    const table = [mounted('/', 'root'), mounted('/mnt/nfs', 'nfs'), mounted('/mnt/nfs/pool/deep', 'deep'), mounted('/mnt/nf', 'other')];
    assert.deepEqual(await of('/mnt/nfs/pool', ...table), ['rw', 'nfs']);
    assert.deepEqual(await of('/mnt/nfs', ...table), ['rw', 'nfs']);
    assert.deepEqual(await of('/mnt/nfsx', ...table), ['rw', 'root']);
    assert.deepEqual(await of('/mnt/nfs/pool/deep', ...table), ['rw', 'deep']);
  });

  it('are of the last of several at one place, which hides the others', async () => {
    assert.deepEqual(await of('/mnt/pool', mounted('/', 'root'), mounted('/mnt', 'first'), mounted('/mnt', 'second')), ['rw', 'second']);
  });

  it('are none without a mount', async () => {
    assert.deepEqual(await of('/mnt'), []);
  });
});
