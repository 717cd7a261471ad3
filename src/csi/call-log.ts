import { inspect } from 'node:util';
import { status } from '@grpc/grpc-js';
import { parseId } from '../convoy/ids.ts';
import type { RpcName } from './definitions.ts';
import { redact, secretTexts, strikeOut } from './redact.ts';
import { type Failure, statusName } from './status.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Where the log goes: pino fits. */
export interface CsiLog {
  /** Whether debug lines are wanted; absent = yes. Spares the work on calls that are polled. */
  readonly debugEnabled?: boolean;
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
}

export interface FinishedCall {
  readonly rpc: RpcName;
  readonly request: Readonly<Record<string, unknown>>;
  readonly response: unknown;
  readonly requestId: string;
  readonly code: status;
  readonly durationMs: number;
  readonly failure: Failure | undefined;
  readonly error: unknown;
}

export interface CallLog {
  write(call: FinishedCall): void;
  /** A text with the request's secrets struck out: a tool below may have repeated one. */
  strike(text: string, rpc: RpcName, request: object): string;
}

/** Polled, every few seconds and per volume: told at debug level when they are well. */
const QUIET: ReadonlySet<RpcName> = new Set<RpcName>([
  'Probe',
  'GetPluginInfo',
  'GetPluginCapabilities',
  'ControllerGetCapabilities',
  'NodeGetCapabilities',
  'NodeGetVolumeStats',
]);

/** One line for each call. */
export function callLog(log: CsiLog): CallLog {
  return {
    strike: (text, rpc, request) => strikeOut(text, secretTexts(requestType(rpc), request)),
    write: (call) => {
      const level = levelOf(call);
      if (level === 'debug' && log.debugEnabled === false) return;
      log[level](
        fieldsOf(call, log.debugEnabled !== false),
        call.failure === undefined ? call.rpc : `${call.rpc}: ${call.failure.message}`,
      );
    },
  };
}

function levelOf({ rpc, code, failure }: FinishedCall): keyof Omit<CsiLog, 'debugEnabled'> {
  if (failure === undefined) return QUIET.has(rpc) ? 'debug' : 'info';
  if (failure.code === 'Internal' || failure.code === 'DataLoss') return 'error';
  // Asked again by itself, or asked for something that there is not: part of the protocol.
  return code === status.ABORTED || code === status.UNIMPLEMENTED ? 'info' : 'warn';
}

function fieldsOf(call: FinishedCall, withRequest: boolean): Fields {
  const { rpc, request, response, requestId, code, durationMs, failure, error } = call;
  const volumeId = idIn(request, 'volumeId') ?? idIn(request, 'sourceVolumeId') ?? idIn(field(response, 'volume'), 'volumeId');
  const snapshotId = idIn(request, 'snapshotId') ?? idIn(field(response, 'snapshot'), 'snapshotId');
  const pool = poolOf(volumeId, snapshotId);
  return {
    method: rpc,
    request_id: requestId,
    code: statusName(code),
    duration_ms: Math.round(durationMs * 1000) / 1000,
    ...(volumeId === undefined ? {} : { volume_id: volumeId }),
    ...(snapshotId === undefined ? {} : { snapshot_id: snapshotId }),
    ...(pool === undefined ? {} : { pool }),
    ...(failure === undefined ? {} : { error: describe(error, failure.expected, secretTexts(requestType(rpc), request)) }),
    ...(withRequest || failure?.expected === false ? { request: redact(requestType(rpc), request) } : {}),
  };
}

/** csi.proto names every request after its RPC; a test holds it to that. */
const requestType = (rpc: RpcName): string => `csi.v1.${rpc}Request`;

/** The chain of causes, with stacks where nobody expected it: the only place where an error is told whole. */
function describe(error: unknown, expected: boolean, secrets: readonly string[]): string {
  const parts: string[] = [];
  // Bounded: causes can be circular.
  for (let at: unknown = error, depth = 0; at !== undefined && at !== null && depth < 5; depth++) {
    if (at instanceof Error) parts.push((expected ? undefined : at.stack) ?? `${at.name}: ${at.message}`);
    else parts.push(inspect(at, { depth: 1 }));
    at = at instanceof Error ? at.cause : undefined;
  }
  return strikeOut(parts.join('\ncaused by: '), secrets).slice(0, 8192);
}

function poolOf(volumeId: string | undefined, snapshotId: string | undefined): string | undefined {
  return (
    (volumeId === undefined ? undefined : parseId(volumeId, 'volume')?.pool) ??
    (snapshotId === undefined ? undefined : parseId(snapshotId, 'snapshot')?.pool)
  );
}

/** An id as it came from outside may be long. */
function idIn(value: unknown, name: string): string | undefined {
  const id = field(value, name);
  return typeof id === 'string' && id !== '' ? id.slice(0, 128) : undefined;
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
