import type { InitFunc } from './contract.ts';
import { ConvoyError } from './errors.ts';

/** How a driver describes itself before an instance exists: for `convoy pools`, docs and error texts. */
export interface DriverDescription {
  readonly summary: string;
  /** Binaries that it makes the shared code run. */
  readonly binaries: readonly string[];
  /** Its options by wire name (`vfs.path`), described for the docs. */
  readonly options: Readonly<Record<string, string>>;
}
export interface RegisteredDriver {
  readonly name: string;
  readonly init: InitFunc;
  readonly description: DriverDescription;
}

/** Known drivers. An instance, not a global: main fills one from drivers/all.ts, tests make their own. */
export class DriverRegistry {
  readonly #drivers = new Map<string, RegisteredDriver>();

  /** A name registers once; a second time is a defect of the program. */
  register(name: string, init: InitFunc, description: DriverDescription): void {
    if (this.#drivers.has(name)) throw new ConvoyError('Internal', `driver ${name} is registered twice`);
    this.#drivers.set(name, { name, init, description });
  }

  /** InvalidArgument names the drivers that exist. */
  get(name: string): RegisteredDriver {
    const found = this.#drivers.get(name);
    if (found === undefined)
      throw new ConvoyError('InvalidArgument', `driver ${JSON.stringify(name)} is not known; known are ${this.names().join(', ')}`);
    return found;
  }

  names(): readonly string[] {
    return [...this.#drivers.keys()].sort();
  }
}
