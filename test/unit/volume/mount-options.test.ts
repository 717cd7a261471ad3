import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeOptions, encodeOptions, mountRequest, parseMountOptions } from '../../../src/drivers/local/mount-options.ts';

describe("options of Docker's local driver", () => {
  it('an unknown option is named, with those that are known', () => {
    assert.throws(() => parseMountOptions({ typo: 'x' }), { code: 'InvalidArgument', message: /"typo".*type, o, device/ });
  });

  it('size is refused by name, as it would not be kept', () => {
    assert.throws(() => parseMountOptions({ size: '10G' }), { code: 'NotSupported', message: /size.*project quotas/ });
  });

  it('options that make sense only together are refused alone', () => {
    for (const alone of [{ type: 'tmpfs' }, { device: '/dev/sdz' }, { o: 'ro' }, { o: 'ro', type: 'tmpfs' }])
      assert.throws(() => parseMountOptions(alone), { code: 'InvalidArgument', message: /needs option/ });
  });

  it('a device that mount(8) would read as an option is refused', () => {
    assert.throws(() => parseMountOptions({ type: 'none', device: '--all' }), { code: 'InvalidArgument', message: /starts with "-"/ });
  });

  it("Docker's way to write an NFS export becomes mount.nfs's", () => {
    assert.deepEqual(mountRequest({ type: 'nfs', device: ':/export', o: 'addr=10.0.0.1,rw' }), {
      source: '10.0.0.1:/export',
      fsType: 'nfs',
      options: ['rw'],
    });
    assert.deepEqual(mountRequest({ type: 'nfs4', device: ':/e', o: 'addr=fd00::1' }), {
      source: '[fd00::1]:/e',
      fsType: 'nfs4',
      options: [],
    });
    assert.deepEqual(mountRequest({ type: 'none', device: '/srv', o: 'bind,addr=x' }), {
      source: '/srv',
      fsType: 'none',
      options: ['bind', 'addr=x'],
    });
  });

  it("what is written is Docker's opts.json and reads back the same", () => {
    const options = { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' };
    assert.equal(encodeOptions(options), '{"MountType":"tmpfs","MountOpts":"size=1m","MountDevice":"tmpfs","Quota":{"Size":0}}\n');
    assert.deepEqual(decodeOptions('x', encodeOptions(options)), options);
    assert.deepEqual(decodeOptions('x', encodeOptions({})), {});
  });

  it('a damaged opts.json is DataLoss, one with a quota is NotSupported', () => {
    for (const text of ['', '{', 'null', '{"MountType":3}']) assert.throws(() => decodeOptions('x', text), { code: 'DataLoss' });
    assert.throws(() => decodeOptions('x', '{"Quota":{"Size":5}}'), { code: 'NotSupported' });
  });
});
