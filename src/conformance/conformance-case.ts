import type { DriverProperties, Operations } from '../convoy/contract.ts';
import type { CaseRig } from './case-rig.ts';

/** One law of the contract, as a sentence and what proves it. It throws when the pool breaks it. */
export interface ConformanceCase {
  readonly title: string;
  /** Groups without which the law says nothing. */
  readonly needs: readonly (keyof Operations)[];
  /** Only for pools that offer volumes so. */
  readonly access?: DriverProperties['access'];
  /** True: needs a rig that may be broken, filled or restarted, or more than the doctor's 256 MiB. */
  readonly destructive: boolean;
  readonly run: (rig: CaseRig) => Promise<void>;
}
