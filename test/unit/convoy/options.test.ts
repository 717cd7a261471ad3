import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import {
  OPTION,
  type OptionKey,
  parseCreateOptions,
  parseSize,
  refuseOptions,
  STORAGE_CLASS_OPTIONS,
} from '../../../src/convoy/options.ts';

const invalidNaming =
  (...words: string[]) =>
  (error: unknown): boolean =>
    isConvoyError(error, 'InvalidArgument') && words.every((word) => error.message.includes(word));

describe('sizes', () => {
  it('reads bytes and binary units', () => {
    assert.equal(parseSize('Size', '1'), 1n);
    assert.equal(parseSize('Size', '10G'), 10n << 30n);
    assert.equal(parseSize('Size', '10Gi'), 10n << 30n);
    assert.equal(parseSize('Size', '9007199254740993'), 9007199254740993n);
    assert.equal(parseSize('Size', '9223372036854775807'), 9223372036854775807n);
  });

  it('refuses everything else by field and value', () => {
    for (const bad of ['', '-1', '1.5G', '1x', 'G', '1e3', '9223372036854775808', '99999999P', '0x10'])
      assert.throws(() => parseSize('Size', bad), invalidNaming('Size', bad));
  });
});

describe('createVolume options', () => {
  it('become typed values', () => {
    assert.deepEqual(parseCreateOptions({ PrepareForVM: 'true', Format: 'false', FileSystem: 'xfs' }, STORAGE_CLASS_OPTIONS), {
      prepareForVm: true,
      format: false,
      fileSystem: 'xfs',
    });
  });

  it('are refused by name when a StorageClass may not set them', () => {
    for (const key of ['MountPoint', 'ReferenceOnly', 'VolumeDriverID', 'BackupURL', 'Size', '__proto__', 'constructor', 'size'])
      assert.throws(
        () => parseCreateOptions(JSON.parse(`{${JSON.stringify(key)}: "x"}`) as Record<string, string>, STORAGE_CLASS_OPTIONS),
        invalidNaming(key),
      );
  });

  it('are refused by name when they are outputs', () => {
    for (const key of ['VolumeCreatedAt', 'SnapshotCreatedAt', 'SnapshotName', 'MountPoint'])
      assert.throws(() => parseCreateOptions({ [key]: 'x' }, Object.keys(OPTION) as OptionKey[]), invalidNaming(key));
  });

  it('are refused by a driver that has no use for them', () => {
    assert.throws(
      () => refuseOptions('vfs', { sizeBytes: 1n, volumeType: 'gp3' }, ['prepareForVm']),
      (error) => isConvoyError(error, 'NotSupported') && error.message.includes('VolumeType'),
    );
    assert.throws(() => refuseOptions('vfs', { sizeBytes: 1n, format: false }, []), /option Format/);
    refuseOptions('vfs', { sizeBytes: 1n, volumeName: 'x', prepareForVm: true }, ['prepareForVm']);
    refuseOptions('loop', { sizeBytes: 1n, prepareForVm: false, thin: true }, []);
  });
});
