import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AdminEdge } from '../../../src/admin/rpc.ts';
import { mountVolume } from '../../../src/admin/volumes.ts';
import { isConvoyError } from '../../../src/convoy/errors.ts';

describe('mounting by the command', () => {
  const edge = (use: { readonly mount: boolean; readonly block: boolean }): AdminEdge =>
    ({
      pools: { status: async () => [{ config: { name: 'a' } }], findVolume: async () => ({ id: 'the-id', use }) },
      node: { mount: async () => '/here' },
    }) as unknown as AdminEdge;
  const mount = (use: { readonly mount: boolean; readonly block: boolean }): Promise<unknown> =>
    Promise.resolve(mountVolume(edge(use), { volume: 'v', mountPoint: '', readOnly: false }, undefined as never));

  it('never makes a file system on a volume that is for raw use', async () => {
    await assert.rejects(
      mount({ mount: false, block: true }),
      (error) => isConvoyError(error, 'Precondition') && /^volume the-id is a raw block volume/.test(error.message),
    );
  });

  it('mounts one that is for both', async () => {
    assert.deepEqual(await mount({ mount: true, block: true }), { path: '/here' });
  });
});
