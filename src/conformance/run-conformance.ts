import { ConvoyError } from '../convoy/errors.ts';
import { CaseRig } from './case-rig.ts';
import { CONCURRENCY_CASES } from './cases/concurrency-cases.ts';
import { CRASH_CASES } from './cases/crash-cases.ts';
import { CREATE_CASES } from './cases/create-cases.ts';
import { FULL_DISK_CASES } from './cases/full-disk-cases.ts';
import { HOLDER_CASES } from './cases/holder-cases.ts';
import { LISTING_CASES } from './cases/listing-cases.ts';
import { NAME_CASES } from './cases/name-cases.ts';
import { PUBLISH_CASES } from './cases/publish-cases.ts';
import { RESTART_CASES } from './cases/restart-cases.ts';
import { SIZE_CASES } from './cases/size-cases.ts';
import { SNAPSHOT_CASES } from './cases/snapshot-cases.ts';
import { ConformanceError, checkNothingChanged } from './check.ts';
import type { ConformanceCase } from './conformance-case.ts';
import type { Rig } from './rig.ts';

/** The law of the contract, executable. Every driver must pass all that its groups make it answer for. */
export const CASES: readonly ConformanceCase[] = [
  ...CREATE_CASES,
  ...NAME_CASES,
  ...LISTING_CASES,
  ...SIZE_CASES,
  ...PUBLISH_CASES,
  ...HOLDER_CASES,
  ...SNAPSHOT_CASES,
  ...CONCURRENCY_CASES,
  ...RESTART_CASES,
  ...FULL_DISK_CASES,
  ...CRASH_CASES,
];

/** The longest, a kill at each of forty steps, takes 10 s on a laptop. */
const LONGEST_CASE_MS = 300_000;

export interface CaseResult {
  readonly title: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped or failed. */
  readonly reason?: string;
  readonly error?: unknown;
  readonly durationMs: number;
}

export interface RunOptions {
  /** Cases that are left out, by title, each with the reason. A title that does not exist is an error. */
  readonly skip?: ReadonlyMap<string, string>;
  /** Told each result as it comes. */
  readonly report?: (result: CaseResult) => void;
  readonly signal?: AbortSignal;
}

/** Runs all cases that fit the rig, one after the other. A failing case does not stop the others. */
export async function runConformance(rig: Rig, options: RunOptions = {}): Promise<readonly CaseResult[]> {
  checkSkips(options.skip);
  const results: CaseResult[] = [];
  for (const each of CASES) {
    options.signal?.throwIfAborted();
    const result = await resultOf(rig, each, options.skip?.get(each.title));
    results.push(result);
    options.report?.(result);
  }
  return results;
}

/** "31 passed, 0 failed, 4 skipped" */
export function summarize(results: readonly CaseResult[]): string {
  const count = (outcome: CaseResult['outcome']): number => results.filter((each) => each.outcome === outcome).length;
  return `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`;
}

/** Throws for a title that no case has: a skip that skips nothing hides that the case was renamed. */
export function checkSkips(skip: ReadonlyMap<string, string> | undefined): void {
  for (const title of skip?.keys() ?? [])
    if (!CASES.some((each) => each.title === title))
      throw new ConformanceError(`the skip list names a case that does not exist: ${JSON.stringify(title)}`);
}

/** Why a case says nothing about this rig; undefined when it does. */
export async function reasonToSkip(rig: Rig, conformanceCase: ConformanceCase): Promise<string | undefined> {
  const status = await statusOf(rig);
  if (conformanceCase.destructive && rig.destructive === undefined) return 'destructive: runs on scratch pools only';
  const missing = conformanceCase.needs.filter((group) => !status.operations?.includes(group));
  if (missing.length > 0) return `driver ${status.config.driver} has no ${missing.join(', ')} operations`;
  const access = status.properties?.access;
  return conformanceCase.access !== undefined && conformanceCase.access !== access
    ? `the pool offers a ${access}, not a ${conformanceCase.access}`
    : undefined;
}

/** Runs one case and removes what it made, failed or not. On a destructive rig nothing may be left. */
export async function runCase(rig: Rig, conformanceCase: ConformanceCase): Promise<void> {
  const status = await statusOf(rig);
  const caseRig = new CaseRig(rig, status, CASES.indexOf(conformanceCase));
  const before = await rig.destructive?.inventory();
  let failure: { readonly error: unknown } | undefined;
  try {
    await inTime(conformanceCase.run(caseRig));
  } catch (error) {
    failure = { error };
  }
  rig.destructive?.faults.disarm();
  try {
    await inTime(caseRig.cleanUp());
  } catch (error) {
    failure ??= {
      error: new ConformanceError(`cleaning up after the case failed: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      }),
    };
  }
  if (failure !== undefined) {
    // What one case left must not fail the next ones.
    await rig.destructive?.reopen();
    await caseRig.settle();
    throw failure.error;
  }
  if (rig.destructive !== undefined && before !== undefined)
    checkNothingChanged(await rig.destructive.inventory(), before, 'left over or lost after the case');
}

async function resultOf(rig: Rig, conformanceCase: ConformanceCase, skipped: string | undefined): Promise<CaseResult> {
  const { title } = conformanceCase;
  const start = performance.now();
  const reason = skipped ?? (await reasonToSkip(rig, conformanceCase));
  if (reason !== undefined) return { title, outcome: 'skipped', reason, durationMs: 0 };
  try {
    await runCase(rig, conformanceCase);
    return { title, outcome: 'passed', durationMs: performance.now() - start };
  } catch (error) {
    return {
      title,
      outcome: 'failed',
      reason: error instanceof Error ? error.message : String(error),
      error,
      durationMs: performance.now() - start,
    };
  }
}

/** A call that never answers fails its case instead of stopping the suite. */
async function inTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ConformanceError(`no answer within ${LONGEST_CASE_MS / 1000} s`)), LONGEST_CASE_MS);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function statusOf(rig: Rig) {
  const status = (await rig.pools.status()).find((each) => each.config.name === rig.poolName);
  if (status === undefined) throw new ConvoyError('NotFound', `pool ${rig.poolName} is not configured`);
  if (status.state.kind === 'unavailable') throw new ConvoyError('Unavailable', `pool ${rig.poolName} is not open: ${status.state.reason}`);
  return status;
}
