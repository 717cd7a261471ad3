import type { DriverRegistry } from '../convoy/registry.ts';
import { register as registerLocal } from './local/index.ts';
import { register as registerLoop } from './loop/index.ts';
import { register as registerVfs } from './vfs/index.ts';

/** The built-in drivers, one line each. */
export function registerAll(registry: DriverRegistry): void {
  registerLocal(registry);
  registerLoop(registry);
  registerVfs(registry);
}
