import type { InitFunc } from '../../convoy/contract.ts';
import type { DriverDescription, DriverRegistry } from '../../convoy/registry.ts';
import { describeDirectoryOptions, parseDirectoryOptions } from '../../directory/options.ts';
import { createVfsDriver } from './driver.ts';

export const NAME = 'vfs';

const description: DriverDescription = {
  summary: 'Directories of one file system. Sizes are promises, not enforced.',
  binaries: [],
  options: describeDirectoryOptions(NAME),
};

const init: InitFunc = async (_root, config, deps) => createVfsDriver(NAME, parseDirectoryOptions(NAME, config), deps);

export function register(registry: DriverRegistry): void {
  registry.register(NAME, init, description);
}
