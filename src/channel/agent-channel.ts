import type { X509Certificate } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { createSecureContext } from 'node:tls';
import { Client, connectivityState, credentials, Metadata, type MethodDefinition, type ServiceError, status } from '@grpc/grpc-js';
import { ConvoyError, isErrorCode } from '../convoy/errors.ts';
import { nodeKey } from '../convoy/ids.ts';
import { CODE_TRAILER } from '../convoy/names.ts';
import { csiDefinitions } from '../csi/definitions.ts';
import { statusName } from '../csi/status.ts';
import { type AgentAddress, type ChannelAnswer, type ChannelRequest, type ChannelRpc, FORWARDED, NODE_METADATA } from './api.ts';
import { agentDefinition } from './definitions.ts';
import { UnreachableError } from './errors.ts';
import { describe } from './peer-certificate.ts';

/** What grpc-js takes for a channel that is one connection and never another. */
const OPTIONS = {
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
  // A cut network is found out by the next call, or during one.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
  'grpc.max_send_message_length': 4 * 1024 * 1024,
  // Longer than a proof holds: by its own half hour grpc-js would drop the connection and make another.
  'grpc.client_idle_timeout_ms': 2 * 3_600_000,
} as const;

export interface PinOptions {
  readonly address: AgentAddress;
  readonly ip: string;
  /** The one certificate that the agent may show. */
  readonly pinned: X509Certificate;
  /** PEM of who vouches for it: itself, or the agents' authority. */
  readonly authority: string;
  readonly own: { readonly certificate: string; readonly key: string };
}

type CallOptions = { readonly deadline?: number; readonly signal?: AbortSignal };

/** A connection that trusts one certificate alone, and is made once. Who is behind it is for the dialer to prove. */
export class PinnedChannel {
  readonly #who: string;
  readonly #client: Client;
  readonly #metadata = new Metadata();
  #handshaken = false;
  #closed = false;

  constructor({ address, ip, pinned, authority, own }: PinOptions) {
    this.#who = describe(address);
    this.#metadata.set(NODE_METADATA, nodeKey(address.nodeName));
    const context = createSecureContext({
      ca: authority,
      cert: own.certificate,
      key: own.key,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
    });
    const checkServerIdentity = (_host: string, shown: { readonly fingerprint256: string }): Error | undefined => {
      // grpc-js would connect again by itself: whoever answers then has not been attested.
      if (this.#handshaken) return new Error('the connection was lost, and is not made again by itself');
      if (shown.fingerprint256 !== pinned.fingerprint256) return new Error('another certificate than the one that was shown before');
      this.#handshaken = true;
      return undefined;
    };
    this.#client = new Client(
      isIPv6(ip) ? `ipv6:[${ip}]:${address.port}` : `ipv4:${ip}:${address.port}`,
      credentials.createFromSecureContext(context, { checkServerIdentity }),
      { ...OPTIONS, 'grpc.ssl_target_name_override': nodeKey(address.nodeName), 'grpc.default_authority': nodeKey(address.nodeName) },
    );
  }

  /** Whether the agent showed the pinned certificate: what fails later is not for that. */
  get handshaken(): boolean {
    return this.#handshaken;
  }

  get connected(): boolean {
    return !this.#closed && this.#client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  /** Closes the channel, for good, when the connection is lost. */
  closeWhenLost(): void {
    if (!this.connected) this.close();
    else this.#client.getChannel().watchConnectivityState(connectivityState.READY, Number.POSITIVE_INFINITY, () => this.close());
  }

  /** Running calls may end. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#client.close();
  }

  /** Throws ServiceErrors, as grpc-js makes them. */
  async raw<Name extends ChannelRpc>(
    rpc: Name,
    request: ChannelRequest<Name>,
    { deadline, signal }: CallOptions,
  ): Promise<ChannelAnswer<Name>> {
    const { path, requestSerialize, responseDeserialize } = definitionOf<Name>(rpc);
    // Here and not by grpc-js: a request that cannot be written is a defect, not an agent that does not answer.
    const message = requestSerialize(request);
    return await new Promise((resolve, reject) => {
      const options = deadline === undefined ? {} : { deadline };
      const call = this.#client.makeUnaryRequest(path, asItIs, responseDeserialize, message, this.#metadata, options, (error, answer) => {
        signal?.removeEventListener('abort', cancel);
        if (error !== null) reject(error);
        else if (answer === undefined) reject(new ConvoyError('Internal', `${this.#who} answered ${rpc} with nothing`));
        else resolve(answer);
      });
      const cancel = (): void => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted === true) cancel();
    });
  }

  async call<Name extends ChannelRpc>(rpc: Name, request: ChannelRequest<Name>, options: CallOptions): Promise<ChannelAnswer<Name>> {
    if (this.#closed) throw new UnreachableError(`the connection to ${this.#who} was lost before ${rpc} was asked`);
    try {
      return await this.raw(rpc, request, options);
    } catch (error) {
      throw isServiceError(error) ? this.#translate(rpc, error) : error;
    }
  }

  /** The agent's own error by its trailer. Without one it is grpc-js that speaks, and what the agent does is not known. */
  #translate(rpc: ChannelRpc, error: ServiceError): ConvoyError {
    const code = error.metadata?.get(CODE_TRAILER)[0];
    if (typeof code === 'string' && isErrorCode(code)) return new ConvoyError(code, error.details, { cause: error });
    if (error.code === status.UNIMPLEMENTED)
      return new ConvoyError(
        'NotSupported',
        `${this.#who} does not know ${rpc}: it is of another version than the controller, update both`,
        {
          cause: error,
        },
      );
    return new UnreachableError(
      `${this.#who} has not answered ${rpc} (${statusName(error.code)}: ${error.details}): whether it was done is not known, the same call again finds out`,
      { cause: error },
    );
  }
}

const asItIs = (message: Buffer): Buffer => message;

export const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && typeof (error as Partial<ServiceError>).code === 'number' && 'details' in error;

/** Of the permitted RPCs alone; the table's key decides the types, which the generated definitions do not say by themselves. */
function definitionOf<Name extends ChannelRpc>(rpc: Name): MethodDefinition<ChannelRequest<Name>, ChannelAnswer<Name>> {
  const forwarded: readonly string[] = FORWARDED;
  const service: object = forwarded.includes(rpc) ? csiDefinitions.Controller : agentDefinition();
  return (service as Record<string, unknown>)[rpc] as MethodDefinition<ChannelRequest<Name>, ChannelAnswer<Name>>;
}
