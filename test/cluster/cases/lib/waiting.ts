import { sleep } from '../../rig/shell.ts';
import type { Api } from './api.ts';
import type { KubeEvent } from './objects.ts';

export const DEFAULT_WAIT_MS = 120_000;
const POLL_MS = 300;

/** Thrown by what a wait looks at: not yet, and why. */
export class NotYet extends Error {}

export function notYet(why: string): never {
  throw new NotYet(why);
}

/** Looks until `look` returns; when the time is over, says what it last threw, and what `explain` knows. */
export async function until<T>(
  what: string,
  look: () => Promise<T>,
  explain: () => Promise<string>,
  timeoutMs = DEFAULT_WAIT_MS,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > end) {
        const last = error instanceof Error ? error.message : String(error);
        throw new Error(`waited ${timeoutMs / 1000} s for ${what}: ${last}\n${await explain()}`, { cause: error });
      }
    }
    await sleep(POLL_MS);
  }
}

/** Events of a namespace; those of objects without one are in `default`. */
export async function eventsOf(api: Api, namespace: string): Promise<readonly KubeEvent[]> {
  return await api.list<KubeEvent>(`/api/v1/namespaces/${namespace}/events`);
}

export function showEvents(events: readonly KubeEvent[]): string {
  if (events.length === 0) return '  no events';
  return events
    .map(({ involvedObject, type, reason, message, count = 1 }) => {
      return `  ${involvedObject.kind} ${involvedObject.name}: ${type} ${reason} (${count}): ${message}`;
    })
    .join('\n');
}
