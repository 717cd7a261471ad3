import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DriverProperties } from '../../../src/convoy/contract.ts';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import { localId } from '../../../src/convoy/ids.ts';
import type { CreateVolumeInput, PoolConfig } from '../../../src/pool/api.ts';
import { conflict, planSize, planVolume } from '../../../src/pool/volume-plan.ts';

const MiB = 1n << 20n;
const properties: DriverProperties = {
  scope: 'local',
  access: 'device',
  sizeEnforced: true,
  sizeUnitBytes: 4096n,
  minSizeBytes: 16n * MiB,
  defaultSizeBytes: 1024n * MiB,
  fileSystems: ['ext4', 'xfs'],
  sharesBlocks: false,
  instantCut: false,
  parameters: {},
};
const config: PoolConfig = {
  name: 'p',
  driver: 'loop',
  options: {},
  init: 'auto',
  overcommit: 1,
  thin: false,
  onDelete: 'delete',
  trashRetentionMs: 0,
  maxJobs: 2,
  allowParameters: [],
};
const input = (change: Partial<CreateVolumeInput> = {}): CreateVolumeInput => ({
  name: 'x',
  range: {},
  use: { mount: true, block: false },
  options: {},
  driverParameters: {},
  ...change,
});
const plan = (change: Partial<CreateVolumeInput> = {}): ReturnType<typeof planVolume> =>
  planVolume(localId('volume', 'x'), input(change), config, properties, undefined);

describe('the size of a new volume', () => {
  it('is what is asked, rounded up, never below the minimum', () => {
    assert.equal(planSize({ requiredBytes: 20n * MiB }, config, properties), 20n * MiB);
    assert.equal(planSize({ requiredBytes: 20n * MiB + 1n }, config, properties), 20n * MiB + 4096n);
    assert.equal(planSize({ requiredBytes: 1n }, config, properties), 16n * MiB);
    assert.equal(planSize({}, config, properties), 1024n * MiB);
    assert.equal(planSize({ limitBytes: 100n * MiB + 5n }, config, properties), 100n * MiB);
    assert.equal(planSize({ requiredBytes: 9007199254740993n }, config, properties), 9007199254740993n + 4095n);
  });

  it('is out of range when the limit is below, the source larger, or int64 passed', () => {
    for (const [range, source] of [
      [{ requiredBytes: 1n, limitBytes: MiB }, undefined],
      [{ requiredBytes: 20n * MiB + 1n, limitBytes: 20n * MiB + 2n }, undefined],
      [{ requiredBytes: 20n * MiB }, 30n * MiB],
      [{ limitBytes: 20n * MiB }, 30n * MiB],
      [{ requiredBytes: (1n << 63n) - 1n }, undefined],
    ] as const)
      assert.throws(
        () => planSize(range, config, properties, source),
        (error) => isConvoyError(error, 'OutOfRange'),
      );
  });

  it('is the source when nothing is asked', () => {
    assert.equal(planSize({}, config, properties, 33n * MiB), 33n * MiB);
  });
});

describe('a retry of the same name', () => {
  it('is the same volume for a compatible range and equal terms', () => {
    const record = plan({ range: { requiredBytes: 20n * MiB } });
    assert.equal(conflict(record, plan(), { requiredBytes: 20n * MiB }), undefined);
    assert.equal(conflict(record, plan(), { requiredBytes: 10n * MiB, limitBytes: 30n * MiB }), undefined);
    assert.equal(conflict(record, plan(), {}), undefined);
  });

  it('conflicts by size, use, file system, source, options and parameters, saying which', () => {
    const record = plan({ range: { requiredBytes: 20n * MiB } });
    assert.match(conflict(record, plan(), { requiredBytes: 21n * MiB }) ?? '', /20971520 bytes/);
    assert.match(conflict(record, plan(), { limitBytes: 19n * MiB }) ?? '', /at most/);
    assert.match(conflict(record, plan({ use: { mount: false, block: true } }), {}) ?? '', /use/);
    assert.match(conflict(record, plan({ use: { mount: true, block: false, fsType: 'xfs' } }), {}) ?? '', /use|fsType/);
    assert.match(conflict(record, plan({ options: { format: false } }), {}) ?? '', /options/);
    assert.match(conflict(record, plan({ consistency: 'files' }), {}) ?? '', /consistency/);
  });
});

describe('what a pool does not serve', () => {
  const directory: DriverProperties = { ...properties, access: 'directory', fileSystems: [] };
  const refuse = (change: Partial<CreateVolumeInput>, of: DriverProperties, word: string): void =>
    assert.throws(
      () => planVolume(localId('volume', 'x'), input(change), config, of, undefined),
      (error) => isConvoyError(error, 'InvalidArgument') && error.message.includes(word),
    );

  it('is refused by field and value', () => {
    refuse({ use: { mount: true, block: false, fsType: 'ntfs' } }, properties, 'ntfs');
    refuse({ use: { mount: true, block: false, fsType: 'ext4' } }, directory, 'fsType');
    refuse({ use: { mount: false, block: true } }, directory, 'block');
    refuse({ driverParameters: { device: '/dev/sda' } }, properties, 'device');
    refuse({ driverParameters: { device: '/dev/sda' } }, { ...properties, parameters: { device: 'x' } }, 'allowParameters');
    refuse({ use: { mount: true, block: false, fsType: 'xfs' }, options: { fileSystem: 'ext4' } }, properties, 'FileSystem');
  });
});
