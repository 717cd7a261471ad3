import type { InitFunc } from '../../convoy/contract.ts';
import type { DriverDescription, DriverRegistry } from '../../convoy/registry.ts';
import { createVfsDriver } from './driver.ts';
import { describeVfsOptions, parseVfsOptions } from './options.ts';

export const NAME = 'vfs';

const description: DriverDescription = {
  summary: 'Directories of one file system. Sizes are promises, not enforced.',
  binaries: [],
  options: describeVfsOptions(NAME),
};

const init: InitFunc = async (_root, config, deps) => createVfsDriver(NAME, parseVfsOptions(NAME, config), deps);

export function register(registry: DriverRegistry): void {
  registry.register(NAME, init, description);
}
