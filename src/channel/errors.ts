import { ConvoyError, type ErrorCode } from '../convoy/errors.ts';
import type { Refusal } from './api.ts';

/** Beside the code: why the agent refused, for the controller's own count. */
export const REFUSAL_TRAILER = 'convoy-refusal';

/** A call that an agent refuses to serve; nothing of it was done. */
export class RefusedCallError extends ConvoyError {
  readonly reason: Refusal;
  constructor(reason: Refusal, code: ErrorCode, message: string) {
    super(code, message);
    this.name = 'RefusedCallError';
    this.reason = reason;
  }
}

/** The other end is not who it must be, or asked for what it may not have. Unavailable: nothing is known of the node itself. */
export class RefusedError extends ConvoyError {
  readonly reason: Refusal;
  constructor(reason: Refusal, message: string, options?: { cause?: unknown }) {
    super('Unavailable', message, options);
    this.name = 'RefusedError';
    this.reason = reason;
  }
}

/** The agent did not answer: what was asked may have been done, not done, or still be going on. */
export class UnreachableError extends ConvoyError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('Unavailable', message, options);
    this.name = 'UnreachableError';
  }
}
