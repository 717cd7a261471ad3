import { isConvoyError } from '../convoy/errors.ts';
import type { Log } from '../observe/log.ts';
import type { Agents } from './agents.ts';
import { mapBounded } from './bounded.ts';
import { type Caller, forwardDeadline } from './forward.ts';
import type { Candidate } from './place.ts';

const AT_ONCE = 32;
/** Who does not say by then is not waited for: a create would take as long as its slowest node. */
const MOST_MS = 2000;

/** Waits until each was reached or has failed. What came of it is the links' to tell. */
export async function tryAll(agents: Agents, keys: readonly string[], caller: Caller): Promise<void> {
  const wait = { deadline: forwardDeadline(caller.deadline, Date.now()), signal: caller.signal };
  await mapBounded(keys, AT_ONCE, async (key) => {
    try {
      await agents.connect(key, wait);
    } catch (error) {
      caller.signal.throwIfAborted();
      if (!isConvoyError(error)) throw error;
    }
  });
}

/**
 * Which of the nodes has a volume of this name, ready or in the making, so that it is not made a second time on another one
 * after a restart of ours. Nodes that do not answer are left out: what is on them is found among the orphans.
 */
export async function findName(
  agents: Agents,
  name: string,
  candidates: readonly Candidate[],
  caller: Caller,
  log: Pick<Log, 'warn'>,
): Promise<string | undefined> {
  const now = Date.now();
  const deadline = Math.min(now + MOST_MS, forwardDeadline(caller.deadline, now));
  const asked = candidates.filter(({ silent }) => silent === undefined);
  const answers = await mapBounded(asked, AT_ONCE, async ({ key }) => {
    if (Date.now() >= deadline) return undefined;
    try {
      const { channel } = await agents.connect(key, { deadline, signal: caller.signal });
      const { found } = await channel.call('FindVolume', { name }, { deadline, signal: caller.signal });
      return found ? key : undefined;
    } catch (error) {
      caller.signal.throwIfAborted();
      if (isConvoyError(error)) return undefined;
      throw error;
    }
  });
  const found = answers.filter((key) => key !== undefined);
  if (found.length > 1)
    log.warn(
      { name, nodes: found.map((key) => agents.nameOf(key)) },
      'several nodes have a volume of this name: all but the first are orphans',
    );
  return found[0];
}
