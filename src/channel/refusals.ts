import type { CsiLog } from '../csi/call-log.ts';
import type { Refusal } from './api.ts';

/** Each refusal is counted; of a kind and a peer that refuse again and again, one a minute is logged. */
export interface Refusals {
  refuse(reason: Refusal, peer: string, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

const QUIET_MS = 60_000;
/** An attacker has many addresses: beyond this many at once the oldest is forgotten. */
const REMEMBERED = 256;

interface Seen {
  readonly at: number;
  /** Not logged since. */
  suppressed: number;
}

export function openRefusals(
  log: Pick<CsiLog, 'warn'>,
  counted: (reason: Refusal) => void,
  now: () => number = () => performance.now(),
): Refusals {
  const seen = new Map<string, Seen>();
  return {
    refuse: (reason, peer, message, fields = {}) => {
      counted(reason);
      const key = `${reason} ${peer}`;
      const last = seen.get(key);
      if (last !== undefined && now() - last.at < QUIET_MS) {
        last.suppressed += 1;
        return;
      }
      seen.delete(key);
      seen.set(key, { at: now(), suppressed: 0 });
      const [oldest] = seen.keys();
      if (seen.size > REMEMBERED && oldest !== undefined) seen.delete(oldest);
      const more = last === undefined || last.suppressed === 0 ? {} : { more_since_the_last: last.suppressed };
      log.warn({ refusal: reason, peer, ...fields, ...more }, message);
    },
  };
}
