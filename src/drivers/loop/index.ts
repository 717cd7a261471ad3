import type { InitFunc } from '../../convoy/contract.ts';
import type { DriverDescription, DriverRegistry } from '../../convoy/registry.ts';
import { createLoopDriver } from './driver.ts';
import { describeLoopOptions, parseLoopOptions } from './options.ts';

export const NAME = 'loop';

const description: DriverDescription = {
  summary: 'Image files of one file system, used through loop devices. Sizes are enforced; snapshots are instant on xfs and btrfs.',
  binaries: ['mkfs.ext4', 'mkfs.xfs', 'mount', 'umount', 'blkid', 'e2fsck', 'resize2fs', 'xfs_growfs'],
  options: describeLoopOptions(NAME),
};

const init: InitFunc = async (_root, config, deps) => createLoopDriver(NAME, parseLoopOptions(NAME, config), deps);

export function register(registry: DriverRegistry): void {
  registry.register(NAME, init, description);
}
