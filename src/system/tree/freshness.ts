import { type FileState, stateOf } from '../libc.ts';
import type { Control } from './control.ts';

/**
 * The clock behind ctime ticks every 1 to 10 ms: a change in the same tick as the last one leaves no trace. So a ctime
 * proves something only if it was older than this when it was read.
 */
const GRAIN_MS = 50;

/** A file's state, and whether every later change is bound to show in it. */
export interface Observation {
  readonly state: FileState;
  readonly trusted: boolean;
}

export function observe(fd: number, path?: string): Observation {
  // The clock is read first: a delay between the two must make a state look younger, never older.
  const now = Date.now();
  const state = stateOf(fd, path);
  return { state, trusted: Math.abs(now - Number(state.ctimeNs / 1_000_000n)) >= GRAIN_MS };
}

/** Waits once, for as long as the grain at most, if that is needed. What is written all the time stays untrusted. */
export function observeSettled(fd: number, control: Control): Observation {
  const first = observe(fd);
  if (first.trusted) return first;
  control.sleep(GRAIN_MS + 10);
  return observe(fd);
}
