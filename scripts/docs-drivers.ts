import type { CallContext, ConvoyDriver, DriverDeps } from '../src/convoy/contract.ts';
import { isConvoyError } from '../src/convoy/errors.ts';
import { localId } from '../src/convoy/ids.ts';
import type { CreateVolumeOptions } from '../src/convoy/options.ts';
import { type DriverDescription, DriverRegistry } from '../src/convoy/registry.ts';
import { registerAll } from '../src/drivers/all.ts';

/** The built-in drivers as the documentation sees them: opened on a place that does not exist, so that they can be asked. */
export interface KnownDriver {
  readonly name: string;
  readonly description: DriverDescription;
  readonly instance: ConvoyDriver;
}

const NOWHERE = '/nonexistent/convoy-docs';

export async function knownDrivers(): Promise<readonly KnownDriver[]> {
  const registry = new DriverRegistry();
  registerAll(registry);
  return await Promise.all(
    registry.names().map(async (name) => {
      const { init, description } = registry.get(name);
      const paths = Object.keys(description.options).filter((key) => key.endsWith('.path'));
      const instance = await init(
        NOWHERE,
        Object.fromEntries(paths.map((key) => [key, NOWHERE])),
        untouchable<DriverDeps>('a driver dependency'),
      );
      return { name, description, instance };
    }),
  );
}

/** undefined when the driver goes to work on it, else its refusal. A refusal comes before anything is touched. */
export async function takesOption(
  driver: KnownDriver,
  asked: Partial<CreateVolumeOptions> & { readonly referenceOnly?: boolean },
): Promise<string | undefined> {
  const { referenceOnly, ...options } = asked;
  const { volume } = driver.instance.operations;
  const id = localId('volume', 'docs');
  return await refusal(async () => {
    if (referenceOnly === true) await volume.deleteVolume(id, { referenceOnly }, CALL);
    else await volume.createVolume(id, { sizeBytes: 1n << 30n, ...options }, CALL);
  });
}

export async function takesFilesConsistency({ instance }: KnownDriver): Promise<boolean> {
  const { snapshot } = instance.operations;
  if (snapshot === undefined) return false;
  return (
    (await refusal(
      async () => await snapshot.createSnapshot(localId('snapshot', 'docs'), localId('volume', 'docs'), { consistency: 'files' }, CALL),
    )) === undefined
  );
}

const CALL: CallContext = { signal: new AbortController().signal, secrets: {}, progress: () => {} };

async function refusal(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
  } catch (error) {
    return isConvoyError(error, 'NotSupported') ? error.message : undefined;
  }
  throw new Error('a driver made a volume out of nothing');
}

/** Stands for what a driver is handed; every use of it is an error that is no refusal. */
function untouchable<T extends object>(what: string): T {
  const touch = (): never => {
    throw new Error(`${what} is not there while the documentation is made`);
  };
  const handler: ProxyHandler<typeof touch> = {
    get: (_target, name): unknown => (name === 'then' ? undefined : untouchable<object>(`${what}.${String(name)}`)),
    apply: touch,
  };
  return new Proxy(touch, handler) as unknown as T;
}
