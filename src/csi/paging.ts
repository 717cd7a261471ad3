import { invalid } from '../convoy/errors.ts';
import type { PageRequest } from '../pool/api.ts';

/**
 * Entries of one answer when the caller sets no limit. An entry is at most 512 bytes, and a gRPC client refuses answers
 * of more than 4 MiB unless told otherwise: beyond this many the rest comes by next_token, as always.
 */
export const MAX_PAGE = 8192;

/**
 * spec.md: a negative max_entries is INVALID_ARGUMENT. The token goes to the pool as it is: only the pool knows whether
 * it handed it out (StaleToken, ABORTED).
 */
export function parsePage(request: { readonly maxEntries: number; readonly startingToken: string }): PageRequest {
  const { maxEntries, startingToken } = request;
  if (maxEntries < 0) throw invalid(`max_entries is ${maxEntries}; allowed are 0 (no limit) and more`);
  return { maxEntries: maxEntries === 0 ? MAX_PAGE : Math.min(maxEntries, MAX_PAGE), startingToken };
}
