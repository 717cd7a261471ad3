import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MountEntry } from '../../../src/system/api.ts';
import { mountUses } from '../../../src/volume/mount-uses.ts';

const mount = (target: string, device: string, root: string): MountEntry => ({
  id: 0,
  parentId: 0,
  device,
  root,
  target,
  options: [],
  propagation: [],
  fsType: 'ext4',
  source: '',
  superOptions: [],
});

describe('uses of a directory by the mount table', () => {
  const rootFs = mount('/', '8:1', '/');

  it('a bind of it, or of a part of it, is a use elsewhere', () => {
    const mounts = [
      rootFs,
      mount('/pod', '8:1', '/pool/v/_data'),
      mount('/part', '8:1', '/pool/v/_data/sub'),
      mount('/other', '8:1', '/pool/v2/_data'),
    ];
    assert.deepEqual(mountUses(mounts, '/pool/v/_data'), { below: [], elsewhere: ['/pod', '/part'] });
  });

  it('a bind may stand before the mount that holds the directory, as in a container that was started again', () => {
    const mounts = [rootFs, mount('/pods/a', '8:2', '/data/v/_data'), mount('/pool', '8:2', '/data')];
    assert.deepEqual(mountUses(mounts, '/pool/v/_data'), { below: [], elsewhere: ['/pods/a'] });
  });

  it('a mount below it is told apart', () => {
    assert.deepEqual(mountUses([rootFs, mount('/pool/v/_data/x', '0:5', '/')], '/pool/v/_data'), {
      below: ['/pool/v/_data/x'],
      elsewhere: [],
    });
  });

  it('a neighbour whose name begins the same is no use', () => {
    assert.deepEqual(mountUses([rootFs, mount('/pod', '8:1', '/pool/v/_data2')], '/pool/v/_data'), { below: [], elsewhere: [] });
  });

  it('what was mounted before the directory got its own mount is none of its binds', () => {
    const mounts = [rootFs, mount('/mnt/disk', '8:2', '/'), mount('/pool/v/_data', '8:2', '/'), mount('/pod', '8:2', '/')];
    assert.deepEqual(mountUses(mounts, '/pool/v/_data'), { below: [], elsewhere: ['/pod'] });
  });

  it('the holding mount may itself be a bind', () => {
    const mounts = [rootFs, mount('/pool', '8:1', '/srv/pool'), mount('/pod', '8:1', '/srv/pool/v')];
    assert.deepEqual(mountUses(mounts, '/pool/v'), { below: [], elsewhere: ['/pod'] });
  });
});
