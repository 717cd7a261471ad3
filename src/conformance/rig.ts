import type { Pools } from '../pool/api.ts';
import type { NodeService } from '../publish/api.ts';
import type { Faults } from './faults.ts';

/** One real pool in the hands of the suite. */
export interface Rig {
  /** The pools as they are open now: another object after a `reopen`. */
  readonly pools: Pools;
  readonly node: NodeService;
  readonly poolName: string;
  /** Begins the name of every object that the suite makes: at most 30 bytes. */
  readonly prefix: string;
  /** An existing directory of the suite's own, in the mount namespace of `node`, for targets. */
  readonly scratch: string;
  /** Only for a pool that may be lost. Without it the destructive cases are left out. */
  readonly destructive?: DestructiveRig;
}

/** What may be done to a pool on scratch storage. */
export interface DestructiveRig {
  readonly faults: Faults;
  /** Closes and opens the pool, as a restart does. `killed`: nothing is closed but what the kernel would close. */
  reopen(options?: { readonly killed?: boolean }): Promise<void>;
  /** All that is there: files of the pool and of the root, loop devices on them, mounts of them. One line each, sorted. */
  inventory(): Promise<readonly string[]>;
  /** Takes all free room of the storage; the result gives it back. */
  fill(): Promise<() => Promise<void>>;
  /** Mounts something small on an existing directory; the result unmounts it. */
  mountAt(directory: string): Promise<() => Promise<void>>;
}
