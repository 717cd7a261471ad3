import { randomBytes } from 'node:crypto';
import { type handleUnaryCall, Metadata, type Server, type ServerUnaryCall, type ServiceError, status } from '@grpc/grpc-js';
import { ConvoyError } from '../convoy/errors.ts';
import { CODE_TRAILER } from '../convoy/names.ts';
import type { CsiLog } from '../csi/call-log.ts';
import type { CsiMetrics } from '../csi/server.ts';
import { statusName, statusOf } from '../csi/status.ts';
import { type AgentRpcs, type AgentUseCases, agentRpcs } from './agent-rpcs.ts';
import { type AgentMethods, agentDefinition } from './definitions.ts';
import { REFUSAL_TRAILER, RefusedCallError } from './errors.ts';
import type { Gate } from './gate.ts';

export interface AgentServiceOptions extends AgentUseCases {
  readonly gate: Gate;
  readonly log: CsiLog;
  readonly metrics?: CsiMetrics;
}

/** Puts the agent service on the server that serves the forwarded CSI calls. */
export function addAgentService(server: Server, options: AgentServiceOptions): { idle(): Promise<void> } {
  const host = new Host(options);
  const rpcs: AgentRpcs = agentRpcs(options);
  server.addService(agentDefinition(), {
    Attest: host.wrap('Attest', rpcs.Attest),
    Describe: host.wrap('Describe', rpcs.Describe),
    Admit: host.wrap('Admit', rpcs.Admit),
    FindVolume: host.wrap('FindVolume', rpcs.FindVolume),
    ListInventory: host.wrap('ListInventory', rpcs.ListInventory),
  });
  return { idle: () => host.idle() };
}

/** Asked every few seconds of every node: told at debug level when they are well. */
const QUIET: ReadonlySet<string> = new Set<keyof AgentMethods>(['Describe', 'FindVolume', 'ListInventory']);

class Host {
  readonly #options: AgentServiceOptions;
  readonly #running = new Set<Promise<void>>();

  constructor(options: AgentServiceOptions) {
    this.#options = options;
  }

  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  wrap<Name extends keyof AgentMethods>(
    name: Name,
    rpc: AgentRpcs[Name],
  ): handleUnaryCall<AgentMethods[Name]['received'], AgentMethods[Name]['response']> {
    return (call, done) => {
      const work = this.#observe(name, call, rpc)
        .then(
          (answer) => done(null, answer),
          (error: ServiceError) => done(error),
        )
        // In grpc-js a rejected handler ends the process.
        .catch((error: unknown) => this.#options.log.error({ error }, 'a call of the controller could not be answered'))
        .finally(() => this.#running.delete(work));
      this.#running.add(work);
    };
  }

  /** Checks, runs and logs one call, and turns what it throws into a ServiceError. */
  async #observe<Name extends keyof AgentMethods>(
    name: Name,
    call: ServerUnaryCall<AgentMethods[Name]['received'], AgentMethods[Name]['response']>,
    rpc: AgentRpcs[Name],
  ): Promise<AgentMethods[Name]['response']> {
    const started = performance.now();
    const requestId = randomBytes(6).toString('hex');
    const finished = (code: status): Record<string, unknown> => {
      const durationMs = performance.now() - started;
      this.#options.metrics?.observe(name, statusName(code), durationMs / 1000);
      return { method: `agent/${name}`, request_id: requestId, code: statusName(code), duration_ms: Math.round(durationMs) };
    };
    try {
      const connection = this.#options.gate.check(name, call);
      const answer = await rpc(call.request);
      if (name === 'Attest') connection.attested = true;
      this.#options.log[QUIET.has(name) ? 'debug' : 'info'](finished(status.OK), `agent/${name}`);
      return answer;
    } catch (error) {
      const failure = toServiceError(error, requestId);
      const fields = finished(failure.code);
      if (failure.code === status.INTERNAL) this.#options.log.error({ ...fields, error }, `agent/${name}: ${failure.details}`);
      else this.#options.log.warn(fields, `agent/${name}: ${failure.details}`);
      throw failure;
    }
  }
}

/** Trailers share a small limit. */
const DETAILS_LENGTH = 1000;

/** The same statuses as CSI's; the trailers say which error of ours it is. What is not ours stays in the log. */
function toServiceError(error: unknown, requestId: string): ServiceError {
  const known = error instanceof ConvoyError && error.code !== 'Internal' ? error : undefined;
  const code = known?.code ?? 'Internal';
  const details = (known?.message ?? `internal error, see the agent's log, request ${requestId}`).slice(0, DETAILS_LENGTH);
  const metadata = new Metadata();
  metadata.set(CODE_TRAILER, code);
  if (known instanceof RefusedCallError) metadata.set(REFUSAL_TRAILER, known.reason);
  return Object.assign(new Error(details), { code: statusOf(code), details, metadata });
}
