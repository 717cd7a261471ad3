import type { WireError } from './errno.ts';

/** A loop device as the kernel describes it (LOOP_GET_STATUS64, BLKGETSIZE64). */
export interface LoopState {
  readonly number: number;
  readonly flags: number;
  readonly sizeBytes: bigint;
}

/**
 * What the syscall worker can be asked: a call without an executor does not compile (syscall-worker.ts).
 * Descriptors are numbers of the process, not of the thread: they outlive the worker that opened them.
 */
export interface Calls {
  bind: { request: { source: string; target: string; set: number; clear: number }; response: void };
  umount: { request: { target: string }; response: void };
  attachLoop: { request: { backing: string; readOnly: boolean; autoclear: boolean }; response: LoopState & { readonly fd: number } };
  findLoops: { request: { backing: string }; response: readonly LoopState[] };
  holdLoop: { request: { device: string }; response: LoopState & { readonly fd: number } };
  refreshLoop: { request: { device: string }; response: void };
  detachLoop: { request: { device: string; backing: string }; response: void };
  blockSize: { request: { device: string }; response: bigint };
  lockFile: { request: { path: string }; response: number };
  closeFd: { request: { fd: number }; response: void };
  renameNoReplace: { request: { from: string; to: string }; response: void };
  cloneFile: { request: { from: string; to: string }; response: void };
  canClone: { request: { directory: string }; response: boolean };
  createImage: { request: { path: string; sizeBytes: bigint; thin: boolean; mode: number }; response: void };
  growImage: { request: { path: string; sizeBytes: bigint; thin: boolean }; response: void };
}

export type CallName = keyof Calls;

/** One message to the worker: a union discriminated by `call`. */
export type CallMessage = { [K in CallName]: { readonly id: number; readonly call: K; readonly request: Calls[K]['request'] } }[CallName];

export type CallReply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: WireError };
