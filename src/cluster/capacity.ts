import { ConvoyError, isConvoyError } from '../convoy/errors.ts';
import { parseCapabilities } from '../csi/capability.ts';
import type { ControllerMethods } from '../csi/definitions.ts';
import type { GetCapacityResponse } from '../csi/gen/csi/v1/GetCapacityResponse.ts';
import { parseClassParameters } from '../csi/parameters.ts';
import type { Rpc } from '../csi/rpc.ts';
import { nodeOf } from '../csi/topology.ts';
import type { Call, Segments } from '../pool/api.ts';
import type { AgentLink } from './agent-link.ts';
import type { GoneNodes } from './api.ts';
import { mapBounded } from './bounded.ts';
import { configured, type Outline } from './create-request.ts';
import { knownNodes } from './create-volume.ts';
import { joinReasons } from './errors.ts';
import { forwardDeadline } from './forward.ts';
import { goneByKey } from './gone.ts';
import { keyOfSegment } from './place.ts';
import { GLOBAL, type Router } from './router.ts';
import { Steady } from './steady.ts';

export interface CapacityDeps {
  readonly router: Router;
  readonly goneNodes: Pick<GoneNodes, 'list'>;
  readonly pools: readonly Outline[];
  readonly driverName: string;
}

type Request = ControllerMethods['GetCapacity']['received'];
interface Room {
  readonly available: bigint;
  readonly maximum: bigint | undefined;
  readonly minimum: bigint | undefined;
}
const NONE: Room = { available: 0n, maximum: undefined, minimum: undefined };
const LARGEST = (1n << 63n) - 1n;
const AT_ONCE = 32;

/** Room on one node, or on all of them together, and of the global pools: these decide themselves whether they are reached from there. */
export function getCapacity(deps: CapacityDeps): Rpc<'GetCapacity'> {
  const steady = new Steady();
  return async (request, call) => {
    if (request.volumeCapabilities.length > 0) parseCapabilities('volume_capabilities', request.volumeCapabilities);
    const pool = poolOf(deps.pools, request);
    const name = pool?.config.name;
    const { accessibleTopology } = request;
    const asked = pool === undefined ? deps.pools : [pool];
    const global = asked.filter(({ scope }) => scope === 'global');
    const isOnNodes = global.length < asked.length;
    const segment = !isOnNodes || accessibleTopology === null ? undefined : nodeOf(deps.driverName, accessibleTopology);
    const rooms = await Promise.all([
      ...(isOnNodes ? [roomOfNodes(deps, segment, name, request, call)] : []),
      ...(global.length > 0 ? [ask(deps, GLOBAL, request, call)] : []),
    ]);
    const question = `${name ?? ''}/${segment ?? ''}/${zoneOf(global, accessibleTopology?.segments ?? {})}`;
    return answerOf(rooms.reduce(together, NONE), question, steady);
  };
}

/** What of a place matters to these pools: nodes that differ in nothing else get the same number. */
function zoneOf(pools: readonly Outline[], term: Segments): string {
  const keys = new Set(pools.flatMap(({ config }) => Object.keys(config.segments ?? {})));
  return [...keys].map((key) => (Object.hasOwn(term, key) ? `${key}=${term[key]}` : key)).join();
}

function answerOf({ available, maximum, minimum }: Room, question: string, steady: Steady): GetCapacityResponse {
  return {
    availableCapacity: String(steady.answer(`${question}/available`, available)),
    ...(maximum === undefined ? {} : { maximumVolumeSize: { value: String(steady.answer(`${question}/maximum`, maximum)) } }),
    ...(minimum === undefined ? {} : { minimumVolumeSize: { value: String(minimum) } }),
  };
}

const roomOfNodes = (
  deps: CapacityDeps,
  segment: string | undefined,
  pool: string | undefined,
  request: Request,
  call: Call,
): Promise<Room> => (segment === undefined ? roomOfAll(deps, pool, request, call) : roomOfOne(deps, segment, pool, request, call));

/** Undefined: no class names one and none is the default, so that all of them are meant. */
function poolOf(pools: readonly Outline[], request: Request): Outline | undefined {
  const { pool } = parseClassParameters(request.parameters);
  return pool === undefined ? pools.find(({ isDefault }) => isDefault) : configured(pools, pool);
}

/** A node that is gone, or lacks the pool, has no room: that is known. One that is silent may have. */
async function roomOfOne(deps: CapacityDeps, segment: string, pool: string | undefined, request: Request, call: Call): Promise<Room> {
  const { agents } = deps.router;
  const gone = goneByKey(deps.goneNodes);
  const key = keyOfSegment(segment, knownNodes(agents), gone);
  if (gone.has(key)) return NONE;
  if (agents.link(key) === undefined) throw agents.unknown(`node ${segment}`);
  return roomOfKnown(deps, key, pool, request, call);
}

async function roomOfAll(deps: CapacityDeps, pool: string | undefined, request: Request, call: Call): Promise<Room> {
  const gone = goneByKey(deps.goneNodes);
  const links = deps.router.agents.links().filter(({ key }) => !gone.has(key));
  const silent: string[] = [];
  const rooms = await mapBounded(links, AT_ONCE, (link) => roomOrSilence(deps, link, pool, request, call, silent));
  if (silent.length > 0)
    throw new ConvoyError('Unavailable', `the room of all nodes cannot be told, since ${silent.length} do not say: ${joinReasons(silent)}`);
  return rooms.reduce(together, NONE);
}

/** Whoever is silent is named, not only the first of them. */
async function roomOrSilence(
  deps: CapacityDeps,
  { key }: AgentLink,
  pool: string | undefined,
  request: Request,
  call: Call,
  silent: string[],
): Promise<Room> {
  try {
    return await roomOfKnown(deps, key, pool, request, call);
  } catch (error) {
    if (!isConvoyError(error, 'Unavailable')) throw error;
    silent.push(error.message);
    return NONE;
  }
}

async function roomOfKnown(deps: CapacityDeps, key: string, pool: string | undefined, request: Request, call: Call): Promise<Room> {
  const { description } = await deps.router.agents.connect(key, {
    deadline: forwardDeadline(call.deadline, Date.now()),
    signal: call.signal,
  });
  return pool === undefined || description.pools.has(pool) ? ask(deps, key, request, call) : NONE;
}

async function ask({ router }: CapacityDeps, key: string, request: Request, call: Call): Promise<Room> {
  const answer = await router.send(key, 'GetCapacity', request, call);
  return {
    available: int64(answer.availableCapacity),
    maximum: wrapped(answer.maximumVolumeSize),
    minimum: wrapped(answer.minimumVolumeSize),
  };
}

type Int64 = { toString(): string } | undefined;
const int64 = (value: Int64): bigint => BigInt((value ?? '0').toString());
const wrapped = (value: { readonly value?: Int64 } | null | undefined): bigint | undefined =>
  value === null || value === undefined ? undefined : int64(value.value);

/** Each volume is on one node: the largest one is as large as the roomiest node lets it. */
function together(sum: Room, room: Room): Room {
  const available = sum.available + room.available;
  return {
    available: available > LARGEST ? LARGEST : available,
    maximum: choose(sum.maximum, room.maximum, (a, b) => a > b),
    minimum: choose(sum.minimum, room.minimum, (a, b) => a < b),
  };
}

function choose(a: bigint | undefined, b: bigint | undefined, better: (a: bigint, b: bigint) => boolean): bigint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return better(a, b) ? a : b;
}
