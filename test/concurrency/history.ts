/** One call on a name that succeeded, by the caller's clock. */
export interface Operation {
  readonly started: number;
  readonly ended: number;
  readonly leavesPresent: boolean;
}

/**
 * Whether some order of these calls that respects real time (what ended before another began came first) ends with the name
 * present, or absent. Only calls that none began after can have been the last.
 */
export function explainsPresence(operations: readonly Operation[], present: boolean): boolean {
  const latestStart = Math.max(...operations.map(({ started }) => started));
  const canBeLast = operations.filter(({ ended }) => ended >= latestStart);
  return operations.length === 0 || canBeLast.some(({ leavesPresent }) => leavesPresent === present);
}
