import type { ConvoyDriver, DriverDeps, Operations } from '../convoy/contract.ts';
import { ConvoyError } from '../convoy/errors.ts';

/**
 * A failing layer under the pool: slid below a driver (its Operations) and below everybody (the System). The n-th changing
 * call after `arm` fails, or is where the program "dies": from then on no call of that instance is made or returns.
 * Only calls that change something count; between two reads nothing can be lost.
 */
export class Faults {
  #life = new Life();
  #armed: { readonly at: number; readonly kind: FaultKind } | undefined;
  #count = 0;
  #reached: string | undefined;
  #crashed = Promise.withResolvers<void>();

  /** Begins a new life of the program: what was handed out before stays dead if it died. */
  nextLife(): void {
    this.#life = new Life();
  }

  arm(kind: FaultKind, at: number): void {
    this.#armed = { kind, at };
    this.#count = 0;
    this.#reached = undefined;
    this.#crashed = Promise.withResolvers();
  }

  /** Where the fault struck since `arm`; undefined if the work ended before. */
  disarm(): string | undefined {
    this.#armed = undefined;
    return this.#reached;
  }

  /** Resolves when the armed crash strikes. */
  get crashed(): Promise<void> {
    return this.#crashed.promise;
  }

  /** Ends this life: closes what the kernel would close, once what is under way in the kernel is done. */
  async bury(): Promise<void> {
    await this.#life.bury();
  }

  guardSystem(system: System): System {
    const life = this.#life;
    const groups = Object.entries(SYSTEM_POINTS).map(
      ([group, names]) => [group, this.#guard(system[group as keyof typeof SYSTEM_POINTS], `system.${group}`, names, life, true)] as const,
    );
    return { ...system, ...Object.fromEntries(groups), close: () => system.close() };
  }

  guardDriver(driver: ConvoyDriver): ConvoyDriver {
    const life = this.#life;
    const groups = Object.entries(driver.operations).map(([group, operations]: [string, object | undefined]) => {
      if (operations === undefined) return [group, undefined] as const;
      return [group, this.#guard(operations, group, OPERATION_POINTS[group as keyof Operations], life, false)] as const;
    });
    const operations = Object.fromEntries(groups) as unknown as Operations;
    return new Proxy(driver, {
      get: (target, key) => {
        if (key === 'operations') return operations;
        const value: unknown = Reflect.get(target, key);
        return typeof value === 'function' ? (...args: unknown[]): unknown => Reflect.apply(value, target, args) : value;
      },
    });
  }

  #guard<T extends object>(object: T, path: string, points: readonly string[], life: Life, ofSystem: boolean): T {
    return new Proxy(object, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        const counts = points.includes(String(key));
        return async (...args: unknown[]): Promise<unknown> => {
          if (counts) await this.#point(`before ${path}.${String(key)}`, life, ofSystem);
          const result = await life.watch(() => Reflect.apply(value, target, args) as unknown, ofSystem);
          if (ofSystem) return life.hold(result);
          if (counts) await this.#point(`after ${path}.${String(key)}`, life, ofSystem);
          return result;
        };
      },
    });
  }

  async #point(name: string, life: Life, ofSystem: boolean): Promise<void> {
    if (life.dead) return NEVER;
    if (this.#armed === undefined) return;
    this.#count += 1;
    if (this.#count !== this.#armed.at) return;
    this.#reached = name;
    if (this.#armed.kind === 'fail') throw ofSystem ? ioError(name) : new ConvoyError('Unavailable', `injected failure ${name}`);
    life.dead = true;
    this.#crashed.resolve();
    return NEVER;
  }
}
type System = DriverDeps['system'];
export type FaultKind = 'crash' | 'fail';

/** One life of the program, as far as it holds things that the kernel takes back at its death. */
class Life {
  dead = false;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #held = new Set<() => Promise<void>>();

  /** `ofKernel`: it will end whether we are dead or not. A driver's call may wait for ever on one that is never made. */
  async watch(work: () => unknown, ofKernel: boolean): Promise<unknown> {
    if (this.dead) return NEVER;
    const running = Promise.resolve().then(work);
    if (ofKernel) this.#underWay.add(running);
    try {
      const result = await running;
      return this.dead ? await NEVER : result;
    } catch (error) {
      if (this.dead) return await NEVER;
      throw error;
    } finally {
      this.#underWay.delete(running);
    }
  }

  /** Remembers what a kill would close: file locks and held loop devices. */
  hold(result: unknown): unknown {
    if (typeof result !== 'object' || result === null) return result;
    for (const name of ['close', 'release'] as const) {
      const give = (result as Record<string, unknown>)[name];
      if (typeof give !== 'function') continue;
      const giveUp = async (): Promise<void> => {
        this.#held.delete(giveUp);
        await Reflect.apply(give, result, []);
      };
      this.#held.add(giveUp);
      return { ...result, [name]: async () => (this.dead ? NEVER : giveUp()) };
    }
    return result;
  }

  async bury(): Promise<void> {
    this.dead = true;
    await Promise.allSettled(this.#underWay);
    for (const giveUp of [...this.#held]) await giveUp();
  }
}

/** A dead program answers nobody. */
const NEVER = new Promise<never>(() => {});

const ioError = (where: string): Error =>
  Object.assign(new Error(`EIO: injected failure ${where}`), { code: 'EIO', errno: -5, syscall: 'injected' });

const OPERATION_POINTS: Record<keyof Operations, readonly string[]> = {
  volume: ['createVolume', 'deleteVolume'],
  access: ['openAccess', 'releaseUnused'],
  storage: ['writeMarker'],
  records: ['writeRecord', 'removeRecord'],
  trash: ['discard', 'undiscard', 'purge'],
  snapshot: ['createSnapshot', 'deleteSnapshot'],
  clone: ['restoreSnapshot', 'cloneVolume'],
  expand: ['expandVolume'],
  backup: ['createBackup', 'deleteBackup'],
  stats: [],
  capacity: [],
  health: [],
  holders: ['addHolder', 'removeHolder'],
};
const SYSTEM_POINTS = {
  mounts: ['bind', 'mount', 'unbind', 'unmount'],
  loops: ['attach', 'refreshSize', 'detach'],
  blocks: ['mkfs', 'growMounted', 'check'],
  files: ['writeDurable', 'renameDurable', 'mkdirDurable', 'cloneFile', 'createImage', 'growImage', 'copySparse'],
  trees: ['copy', 'remove'],
  commands: [],
} as const satisfies Record<Exclude<keyof System, 'close'>, readonly string[]>;
