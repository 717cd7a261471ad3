import { readFileSync } from 'node:fs';

/** Milliseconds of one call. */
export async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Milliseconds of each of `count` calls, one after the other. */
export async function timesOf(count: number, work: (index: number) => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) times.push(await timeOf(() => work(index)));
  return times;
}

/** Medians of several things measured in turn, so that the machine's own drift falls on all of them alike. */
export async function interleaved(rounds: number, works: readonly (() => Promise<number>)[]): Promise<readonly number[]> {
  const results: number[][] = works.map(() => []);
  for (let round = 0; round < rounds; round += 1) for (const [index, work] of works.entries()) results[index]?.push(await work());
  return results.map(median);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Resident memory of a process in MiB, shared file pages included. */
export function residentMiB(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}
