import type { ChannelAnswer, ChannelRequest, ChannelRpc } from '../channel/api.ts';
import { ConvoyError } from '../convoy/errors.ts';
import type { Call } from '../pool/api.ts';
import { FORWARDS_AT_ONCE } from './agent-link.ts';
import type { Agents } from './agents.ts';
import { ofNode } from './errors.ts';

export type Caller = Pick<Call, 'deadline' | 'signal'>;

/** Our own answer must be there before the sidecar gives up, or it learns nothing from it. */
const MARGIN_MS = 1500;
const MARGIN_SHARE = 0.2;
/** For a caller that sets no deadline: the agent answers Busy shortly before, and the same call again goes on. */
const LONGEST_MS = 600_000;

/** Until when an agent may take: before the caller's own deadline. Epoch milliseconds. */
export function forwardDeadline(deadline: number | undefined, now: number): number {
  if (deadline === undefined) return now + LONGEST_MS;
  return deadline - Math.min(MARGIN_MS, Math.max(deadline - now, 0) * MARGIN_SHARE);
}

/**
 * One call of one node's agent. Throws NotConnectedError when nothing was sent, UnreachableError when the outcome is unknown,
 * Busy when too many calls of the node stood before it, and the agent's own error with the node's name.
 */
export async function callAgent<Name extends ChannelRpc>(
  agents: Agents,
  key: string,
  rpc: Name,
  request: ChannelRequest<Name>,
  caller: Caller,
): Promise<ChannelAnswer<Name>> {
  const wait = { deadline: forwardDeadline(caller.deadline, Date.now()), signal: caller.signal };
  // Before the queue: a node that cannot be reached says so at once.
  await agents.connect(key, wait);
  const link = agents.link(key);
  if (link === undefined) throw agents.unknown(`node key ${key}`);
  const late = (): Error =>
    new ConvoyError('Busy', `node ${link.name} has ${FORWARDS_AT_ONCE} calls under way and ${link.limit.waiting} waiting: try again`);
  const send = async (): Promise<ChannelAnswer<Name>> => {
    caller.signal.throwIfAborted();
    const { channel } = await agents.connect(key, wait);
    try {
      return await channel.call(rpc, request, wait);
    } catch (error) {
      throw ofNode(link.name, error);
    }
  };
  return link.limit.run(send, wait, late);
}
