import { join } from 'node:path';
import type { DriverDeps } from '../convoy/contract.ts';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import type { DriverRegistry } from '../convoy/registry.ts';
import type { PoolConfig } from '../pool/api.ts';

/**
 * Has each pool's driver read its options, which touches no storage, before anything is made: a config file is checked by
 * starting with it. InvalidArgument names the pool.
 */
export async function checkDriverOptions(
  pools: readonly PoolConfig[],
  registry: Pick<DriverRegistry, 'get'>,
  root: string,
  deps: DriverDeps,
): Promise<void> {
  for (const { name, driver, options } of pools) {
    try {
      const made = await registry.get(driver).init(join(root, 'drivers', name), options, deps);
      await made.close();
    } catch (error) {
      if (!isConvoyError(error, 'InvalidArgument')) throw error;
      throw new ConvoyError('InvalidArgument', `pool ${JSON.stringify(name)}: ${error.message}`, { cause: error });
    }
  }
}
