import type { ConvoyDriver, Operations } from './contract.ts';

/** What every call of a driver passes through: metrics, logs, deadlines. `name` is `<group>.<method>`. */
export type Around = <T>(name: string, call: () => Promise<T>) => Promise<T>;

/**
 * The same driver with `around` about each asynchronous method of each group. Decorators nest: the last applied is outermost.
 * Synchronous methods (`name`) pass through.
 */
export function decorateDriver(driver: ConvoyDriver, around: Around): ConvoyDriver {
  const groups = Object.fromEntries(
    Object.entries(driver.operations).map(([group, operations]) => [
      group,
      operations === undefined ? undefined : decorateGroup(group, operations, around),
    ]),
  ) as unknown as Operations;
  return {
    name: () => driver.name(),
    info: () => around('driver.info', () => driver.info()),
    operations: groups,
    get properties() {
      return driver.properties;
    },
    volumeOps: () => decorateGroup('volume', driver.volumeOps(), around),
    snapshotOps: () => decorateGroup('snapshot', driver.snapshotOps(), around),
    backupOps: () => decorateGroup('backup', driver.backupOps(), around),
    close: () => driver.close(),
  };
}

/** Throws Unavailable when a call that must be quick (`names`) has not ended in time: one hung disk stops nobody else. */
export function withDeadline(names: ReadonlySet<string>, timeoutMs: number, late: (name: string) => Error): Around {
  return async (name, call) => {
    if (!names.has(name)) return call();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(late(name)), timeoutMs);
      timer.unref();
    });
    try {
      return await Promise.race([call(), timeout]);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Reports every call's name, seconds and error code ('' when it went well). */
export function withObserver(observe: (name: string, seconds: number, error: unknown) => void): Around {
  return async (name, call) => {
    const start = performance.now();
    try {
      const result = await call();
      observe(name, (performance.now() - start) / 1000, undefined);
      return result;
    } catch (error) {
      observe(name, (performance.now() - start) / 1000, error);
      throw error;
    }
  };
}

function decorateGroup<T extends object>(group: string, operations: T, around: Around): T {
  const wrapped: Record<string, unknown> = {};
  for (const name of methodNames(operations)) {
    const method = (operations as Record<string, unknown>)[name];
    if (typeof method !== 'function') continue;
    const call = method.bind(operations) as (...args: unknown[]) => unknown;
    wrapped[name] = name === 'name' ? call : (...args: unknown[]) => around(`${group}.${name}`, async () => call(...args));
  }
  return wrapped as T;
}

/** Own and inherited: a group may be an object or an instance of a class. */
function methodNames(operations: object): readonly string[] {
  const names = new Set<string>();
  for (let at: object | null = operations; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null)
    for (const name of Object.getOwnPropertyNames(at)) if (name !== 'constructor') names.add(name);
  return [...names];
}
