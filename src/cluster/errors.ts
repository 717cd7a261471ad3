import { RefusedError, UnreachableError } from '../channel/errors.ts';
import { ConvoyError } from '../convoy/errors.ts';

/** There is no proven connection to the node: nothing was sent, nothing was done. */
export class NotConnectedError extends ConvoyError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('Unavailable', message, options);
    this.name = 'NotConnectedError';
  }
}

/** An agent's error with its node in front. The code, and whether the outcome is known, stay what they were. */
export function ofNode(node: string, error: unknown): unknown {
  if (!(error instanceof ConvoyError) || error instanceof NotConnectedError) return error;
  const message = `node ${node}: ${error.message}`;
  const options = { cause: error };
  if (error instanceof UnreachableError) return new UnreachableError(message, options);
  if (error instanceof RefusedError) return new RefusedError(error.reason, message, options);
  return new ConvoyError(error.code, message, options);
}

/** A status message has 1 KiB (csi/status.ts); what is said before the reasons needs some of it. */
const REASONS_BYTES = 800;
const REASON_BYTES = 320;

/** The first few of many reasons and a count of the rest, so that a thousand nodes still make a message. */
export function joinReasons(reasons: readonly string[]): string {
  const shown: string[] = [];
  let bytes = 0;
  for (const reason of reasons) {
    const short = cut(reason);
    bytes += Buffer.byteLength(short) + 2;
    if (bytes > REASONS_BYTES && shown.length > 0) break;
    shown.push(short);
  }
  const more = reasons.length - shown.length;
  return shown.join('; ') + (more === 0 ? '' : `; and ${more} more`);
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= REASON_BYTES) return text;
  // A character that the cut splits decodes to U+FFFD.
  return `${bytes.toString('utf8', 0, REASON_BYTES).replace(/\uFFFD+$/, '')}…`;
}
