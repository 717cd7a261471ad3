export { ONLINE_GROWTH } from './cases/size-cases.ts';
export type { ConformanceCase } from './conformance-case.ts';
export { type FaultKind, Faults } from './faults.ts';
export type { DestructiveRig, Rig } from './rig.ts';
export {
  CASES,
  type CaseResult,
  checkSkips,
  type RunOptions,
  reasonToSkip,
  runCase,
  runConformance,
  summarize,
} from './run-conformance.ts';
