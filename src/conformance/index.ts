export type { ConformanceCase } from './conformance-case.ts';
export { Faults, type FaultKind } from './faults.ts';
export type { DestructiveRig, Rig } from './rig.ts';
export { CASES, type CaseResult, checkSkips, reasonToSkip, runCase, runConformance, type RunOptions, summarize } from './run-conformance.ts';
export { openScratchRig, type ScratchRig, type ScratchRigOptions } from './scratch-rig.ts';
