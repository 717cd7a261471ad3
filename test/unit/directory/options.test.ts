import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import { DriverRegistry } from '../../../src/convoy/registry.ts';
import { checkCreateOptions, parseDirectoryOptions } from '../../../src/directory/options.ts';
import { register as registerLoop } from '../../../src/drivers/loop/index.ts';
import { checkFits, parseLoopOptions } from '../../../src/drivers/loop/options.ts';
import { register as registerVfs } from '../../../src/drivers/vfs/index.ts';
import { parseVfsOptions } from '../../../src/drivers/vfs/options.ts';

const refused = (work: () => unknown, code: 'InvalidArgument' | 'NotSupported' | 'OutOfRange', text: RegExp): void => {
  assert.throws(work, (error) => isConvoyError(error, code) && text.test(error.message));
};

describe('options of directory pools', () => {
  it('have defaults for all but the path', () => {
    assert.deepEqual(parseDirectoryOptions('vfs', { 'vfs.path': '/srv/pool/' }), {
      path: '/srv/pool',
      requireMount: false,
      defaultSizeBytes: 1n << 30n,
    });
    assert.deepEqual(parseDirectoryOptions('vfs', { 'vfs.path': '/srv', 'vfs.defaultvolumesize': '5G', 'vfs.requiremount': 'true' }), {
      path: '/srv',
      requireMount: true,
      defaultSizeBytes: 5n << 30n,
    });
  });

  it('are refused by name when they are unknown, missing or malformed', () => {
    refused(() => parseDirectoryOptions('vfs', {}), 'InvalidArgument', /vfs\.path/);
    refused(() => parseDirectoryOptions('vfs', { 'vfs.path': 'relative' }), 'InvalidArgument', /absolute/);
    refused(() => parseDirectoryOptions('vfs', { 'vfs.path': '/srv', 'vfs.paht': '/x' }), 'InvalidArgument', /"vfs\.paht".*vfs\.path/);
    refused(() => parseDirectoryOptions('vfs', { 'loop.path': '/srv' }), 'InvalidArgument', /loop\.path/);
    refused(() => parseDirectoryOptions('vfs', { 'vfs.path': '/srv', 'vfs.requiremount': 'yes' }), 'InvalidArgument', /vfs\.requiremount/);
    refused(
      () => parseDirectoryOptions('vfs', { 'vfs.path': '/srv', 'vfs.defaultvolumesize': '0' }),
      'InvalidArgument',
      /vfs\.defaultvolumesize/,
    );
    refused(() => parseLoopOptions('loop', { 'loop.path': '/srv', 'loop.fs': 'btrfs' }), 'InvalidArgument', /loop\.fs.*ext4, xfs/);
  });

  it('of vfs say whether other hosts reach the directory too', () => {
    const scope = (text: string | undefined): string =>
      parseVfsOptions('vfs', { 'vfs.path': '/srv', ...(text === undefined ? {} : { 'vfs.scope': text }) }).scope;
    assert.deepEqual([scope(undefined), scope('local'), scope('global')], ['local', 'local', 'global']);
    for (const wrong of ['', 'Global', 'cluster', 'true', 'x'.repeat(100)])
      refused(() => scope(wrong), 'InvalidArgument', /^vfs\.scope is ".{0,32}"; allowed are local, global$/);
    refused(() => parseLoopOptions('loop', { 'loop.path': '/srv', 'loop.scope': 'global' }), 'InvalidArgument', /"loop\.scope"/);
  });

  it('of a create are refused by their wire name when the driver has no use for them', () => {
    refused(() => checkCreateOptions('vfs', { sizeBytes: 1n, volumeIops: 5 }, []), 'NotSupported', /VolumeIOPS/);
    refused(() => checkCreateOptions('loop', { sizeBytes: 1n, prepareForVm: true }, ['thin']), 'NotSupported', /PrepareForVM/);
    refused(() => checkCreateOptions('vfs', { sizeBytes: 1n, driverParameters: { type: 'nfs' } }, []), 'NotSupported', /driverParameters/);
    const clone = { sizeBytes: 1n, thin: true, driverParameters: {}, consistency: 'files' as const };
    assert.doesNotThrow(() => checkCreateOptions('vfs', clone, ['thin']));
  });

  it('of a size too small for the file system are refused with the smallest', () => {
    refused(() => checkFits('xfs', 299n << 20n), 'OutOfRange', /xfs.*314572800/);
    assert.doesNotThrow(() => checkFits('xfs', 300n << 20n));
    refused(() => checkFits('zfs', 300n << 20n), 'InvalidArgument', /ext4, xfs/);
  });

  it('are described by the registered drivers', () => {
    const registry = new DriverRegistry();
    registerLoop(registry);
    registerVfs(registry);
    assert.deepEqual(registry.names(), ['loop', 'vfs']);
    assert.deepEqual(Object.keys(registry.get('loop').description.options), [
      'loop.path',
      'loop.defaultvolumesize',
      'loop.requiremount',
      'loop.fs',
    ]);
    assert.match(registry.get('vfs').description.options['vfs.scope'] ?? '', /global.*\(default local\)/);
  });
});
