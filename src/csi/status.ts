import { status } from '@grpc/grpc-js';
import { ConvoyError, type ErrorCode } from '../convoy/errors.ts';
import type { RpcName } from './definitions.ts';

/**
 * The one place that turns errors into gRPC codes. What a code makes the sidecars and the kubelet do decides here:
 * 10 ABORTED and 14 UNAVAILABLE mean "may be going on: the same call again, same place"; 8 RESOURCE_EXHAUSTED lets the
 * provisioner choose another node; 3, 5, 9, 11 and 13 are final. A final code is never given while work for the object
 * may still run: what still runs is Busy, what cannot be told is Unavailable.
 */
const STATUS: Readonly<Record<ErrorCode, status>> = {
  NotFound: status.NOT_FOUND,
  AlreadyExists: status.ALREADY_EXISTS,
  // spec.md, "Error Scheme": operation pending for volume.
  Busy: status.ABORTED,
  // The provisioner then gives up the selected node and the scheduler looks for another one.
  NoSpace: status.RESOURCE_EXHAUSTED,
  OutOfRange: status.OUT_OF_RANGE,
  InUse: status.FAILED_PRECONDITION,
  Precondition: status.FAILED_PRECONDITION,
  NotSupported: status.UNIMPLEMENTED,
  InvalidArgument: status.INVALID_ARGUMENT,
  // Unknown is not absent: "cannot tell" must be asked again, never taken for "gone" or "failed".
  Unavailable: status.UNAVAILABLE,
  // Says that a record or data is damaged, found by reading: no work is going on, and asking again finds the same.
  DataLoss: status.DATA_LOSS,
  // spec.md: an invalid starting_token is ABORTED, so that the caller starts its listing over.
  StaleToken: status.ABORTED,
  // Reaches only a caller that is still there, whose work somebody else stopped (its job was cancelled): try again.
  Cancelled: status.ABORTED,
  Internal: status.INTERNAL,
};

/** The exceptions by RPC. */
const BY_RPC: Partial<Readonly<Record<RpcName, Partial<Readonly<Record<ErrorCode, status>>>>>> = {
  // 8 is "uncertain" to the resizer, which then keeps the user from lowering the claim again; 11 is final and lets him.
  // 12 would say that no volume can be expanded; here the RPC is served and this volume's driver cannot.
  ControllerExpandVolume: { NoSpace: status.OUT_OF_RANGE, NotSupported: status.INVALID_ARGUMENT },
  NodeExpandVolume: { NoSpace: status.OUT_OF_RANGE, NotSupported: status.INVALID_ARGUMENT },
  // The RPC is served; what this pool's driver cannot do was asked for by a parameter, a capability or a source.
  CreateVolume: { NotSupported: status.INVALID_ARGUMENT },
  CreateSnapshot: { NotSupported: status.INVALID_ARGUMENT },
  GetCapacity: { NotSupported: status.INVALID_ARGUMENT },
  // spec.md: "Exceeds capabilities" is 9 on both.
  NodeStageVolume: { NotSupported: status.FAILED_PRECONDITION },
  NodePublishVolume: { NotSupported: status.FAILED_PRECONDITION },
};

/** An RPC whose capability is not advertised: UNIMPLEMENTED, whatever NotSupported comes to on RPCs that are served. */
export class NotAdvertisedError extends ConvoyError {
  constructor(rpc: RpcName, capability: string) {
    super('NotSupported', `${rpc} needs the capability ${capability}, which this driver does not have as it is configured`);
    this.name = 'NotAdvertisedError';
  }
}

export function statusOf(code: ErrorCode, rpc?: RpcName): status {
  return (rpc === undefined ? undefined : BY_RPC[rpc]?.[code]) ?? STATUS[code];
}

/** Name of a status as logs and metrics show it: `OK`, `NOT_FOUND`, … */
export const statusName = (code: status): string => status[code] ?? String(code);

/** What an error comes to for the caller. `expected` is false for what only the log may tell. */
export interface Failure {
  readonly status: status;
  readonly code: ErrorCode;
  readonly message: string;
  readonly expected: boolean;
}

/**
 * Classifies whatever was thrown. Anything but a ConvoyError is a defect or a surprise: its text may hold paths, command
 * output or worse, so that the caller gets the request id and the log the rest. `strike` takes out the request's secrets, before the cut could leave half of one.
 */
export function failureOf(error: unknown, rpc: RpcName, requestId: string, strike: (text: string) => string = (text) => text): Failure {
  if (error instanceof ConvoyError && error.code !== 'Internal') {
    const found = error instanceof NotAdvertisedError ? status.UNIMPLEMENTED : statusOf(error.code, rpc);
    return { status: found, code: error.code, message: cut(strike(error.message)), expected: true };
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return { status: statusOf('Cancelled', rpc), code: 'Cancelled', message: `${rpc} was cancelled: try again`, expected: true };
  }
  const message = `internal error, see the driver's log, request ${requestId}`;
  return { status: statusOf('Internal', rpc), code: 'Internal', message, expected: false };
}

/** Trailers are small (Node refuses more than some KiB in all), and a message is read by people. */
const MESSAGE_BYTES = 1024;

/** At most 1 KiB of UTF-8, cut between characters. Never empty: a status that is not OK must have a message. */
function cut(text: string): string {
  if (text === '') return 'no reason was given';
  const bytes = Buffer.from(text);
  if (bytes.length <= MESSAGE_BYTES) return text;
  const mark = '…';
  let end = MESSAGE_BYTES - Buffer.byteLength(mark);
  // 10xxxxxx continues a character.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end) + mark;
}
