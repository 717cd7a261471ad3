import { createSecureContext, type SecureContext } from 'node:tls';
import type { ServiceError } from '@grpc/grpc-js';
import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { CODE_TRAILER } from '../convoy/names.ts';
import type { CsiLog } from '../csi/call-log.ts';
import { statusName } from '../csi/status.ts';
import { isServiceError, PinnedChannel } from './agent-channel.ts';
import type { AgentAddress, AgentChannel, AttestedAgent, Attestor, ClientIdentity, Dialer, Refusal } from './api.ts';
import { REFUSAL_TRAILER, RefusedError, UnreachableError } from './errors.ts';
import { checkCertificate, checkNamed, checkSelfMade, describe, type FirstLook, lookAt } from './peer-certificate.ts';
import { openRefusals } from './refusals.ts';

export interface DialerOptions {
  readonly identity: ClientIdentity;
  /** Undefined where the agents' certificates are of an authority that vouches for their names. */
  readonly attestor?: Attestor;
  readonly log: Pick<CsiLog, 'warn'>;
  readonly refused: (reason: Refusal) => void;
  readonly now?: () => number;
}

/** How long a proof holds. */
const PROVEN_MS = 3_600_000;
/** A service-account token is one or two KiB. */
const MAX_TOKEN_LENGTH = 16 * 1024;

type Identity = Awaited<ReturnType<ClientIdentity['current']>>;

/**
 * Connects to agents, and proves who they are before anything else is asked of them: the certificate is read in a bare
 * handshake, a channel is opened that trusts it alone, and over it the agent's token is asked for and reviewed.
 */
export function createDialer(options: DialerOptions): Dialer {
  const refusals = openRefusals(options.log, options.refused);
  return {
    dial: async (address, { signal, timeoutMs }) => {
      const limit = AbortSignal.timeout(timeoutMs);
      try {
        return await dial(options, address, {
          signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
          deadline: Date.now() + timeoutMs,
        });
      } catch (error) {
        if (error instanceof RefusedError)
          refusals.refuse(error.reason, `${address.host}:${address.port}`, error.message, { node: address.nodeName });
        throw error;
      }
    },
  };
}

interface Limit {
  readonly signal: AbortSignal;
  readonly deadline: number;
}

async function dial(options: DialerOptions, address: AgentAddress, limit: Limit): Promise<AgentChannel> {
  const { attestor, now = Date.now } = options;
  const identity = await identityOf(options);
  const { agentAuthority } = identity;
  if (agentAuthority === undefined && attestor === undefined)
    throw new ConvoyError('Internal', 'neither an authority of the agents nor an attestor is given: nobody could prove an agent');
  const check = (look: FirstLook): void => {
    checkCertificate(address, look, now());
    if (agentAuthority === undefined) checkSelfMade(address, look);
    else checkNamed(address, look);
  };
  const look = await lookAt(address, contextOf(identity), check, limit.signal);
  const { certificate: pinned, ip } = look;
  const channel = new PinnedChannel({ address, ip, pinned, authority: agentAuthority ?? pinned.toString(), own: identity });
  try {
    const answer = await attest(channel, address, limit);
    const agent =
      agentAuthority === undefined && attestor !== undefined
        ? await review(attestor, answer.token, address, limit)
        : { nodeName: address.nodeName };
    if (!channel.connected) throw new UnreachableError(`the connection to ${describe(address)} was lost while the agent was being proven`);
    channel.closeWhenLost();
    return proven(channel, agent, address, now);
  } catch (error) {
    channel.close();
    throw error;
  }
}

async function identityOf({ identity }: DialerOptions): Promise<Identity> {
  try {
    return await identity.current();
  } catch (error) {
    if (!isConvoyError(error)) throw error;
    // Whatever is wrong with it: the call that wants to be forwarded has not failed for good.
    throw new UnreachableError(`no agent can be connected to: ${error.message}`, { cause: error });
  }
}

function contextOf({ certificate, key, agentAuthority }: Identity): SecureContext {
  try {
    // Without authorities the world's would be loaded, for nothing: nobody is believed by this look.
    return createSecureContext({ cert: certificate, key, ca: agentAuthority ?? certificate, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' });
  } catch {
    // Never with the cause: what OpenSSL says of a key may quote it.
    throw new UnreachableError("the controller's own certificate and key cannot be used: they must be PEM and belong together");
  }
}

/** The first call. Whatever fails here has told the agent nothing but which node is meant. */
async function attest(channel: PinnedChannel, address: AgentAddress, { signal, deadline }: Limit): Promise<{ readonly token: string }> {
  const answer = await channel.raw('Attest', {}, { signal, deadline }).catch((error: unknown) => {
    throw isServiceError(error) ? whyNotAttested(channel, address, error) : error;
  });
  if (answer.nodeName !== address.nodeName)
    throw new RefusedError(
      'wrong_node',
      `${describe(address)} says that it is that of node ${JSON.stringify(answer.nodeName.slice(0, 256))}: the address was given to another node, or the list of agents is wrong`,
    );
  return answer;
}

function whyNotAttested(channel: PinnedChannel, address: AgentAddress, error: ServiceError): Error {
  const who = describe(address);
  const options = { cause: error };
  if (error.metadata?.get(REFUSAL_TRAILER)[0] === 'wrong_node')
    return new RefusedError('wrong_node', `${who} refuses the call: ${error.details}`, options);
  if (error.metadata?.get(CODE_TRAILER)[0] !== undefined)
    return new UnreachableError(`${who} cannot prove itself: ${error.details}`, options);
  if (!channel.handshaken && /certificate/i.test(error.details) && !/alert/.test(error.details))
    return new RefusedError('changed_certificate', `${who} showed another certificate than a moment before: ${error.details}`, options);
  return new UnreachableError(`${who} has not answered Attest (${statusName(error.code)}: ${error.details})`, options);
}

async function review(attestor: Attestor, token: string, address: AgentAddress, { signal }: Limit): Promise<AttestedAgent> {
  const who = describe(address);
  if (token === '' || token.length > MAX_TOKEN_LENGTH)
    throw new RefusedError(
      'token_invalid',
      `${who} gave ${token === '' ? 'no token' : 'something that is no token'}: it must have a projected service-account token (agent.tokenFile)`,
    );
  const agent = await beforeAbort(attestor.attest(token, address), signal, `the review of the token of ${who} took too long`);
  if (agent.nodeName !== address.nodeName)
    throw new RefusedError('wrong_node', `the token of ${who} is that of an agent on node ${agent.nodeName}`);
  return agent;
}

async function beforeAbort<T>(work: Promise<T>, signal: AbortSignal, message: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(new UnreachableError(message));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function proven(channel: PinnedChannel, agent: AttestedAgent, address: AgentAddress, now: () => number): AgentChannel {
  const until = now() + PROVEN_MS;
  const fresh = (): boolean => now() < until;
  return {
    agent,
    address,
    get usable() {
      return channel.connected && fresh();
    },
    call: async (rpc, request, options) => {
      if (!fresh()) throw new UnreachableError(`the proof of ${describe(address)} is an hour old: it must be connected to anew`);
      return await channel.call(rpc, request, options);
    },
    close: () => channel.close(),
  };
}
