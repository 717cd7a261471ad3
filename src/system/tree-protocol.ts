import type { TreeCopyResult } from './api.ts';
import type { WireError } from './errno.ts';

/** Long work: one thread for each job. Paths are text as the callers have it; names met below them are bytes. */
export interface Jobs {
  copyTree: { request: { from: string; to: string; maxRounds: number; bandwidth: number | undefined }; response: TreeCopyResult };
  removeTree: { request: { path: string }; response: void };
  measureTree: { request: { path: string }; response: { entries: number; bytes: bigint } };
  copySparse: {
    request: { from: string; to: string; bandwidth: number | undefined };
    response: { unchanged: boolean; copiedBytes: bigint };
  };
}

export type JobName = keyof Jobs;

export type JobMessage = {
  [K in JobName]: { readonly job: K; readonly request: Jobs[K]['request']; readonly cancel: Int32Array };
}[JobName];

export type JobReply =
  | { readonly kind: 'progress'; readonly entries: number; readonly bytes: bigint }
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: WireError };
