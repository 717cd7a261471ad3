import type { V1Status } from '@kubernetes/client-node/dist/api.js';
import { ConvoyError, type ErrorCode, isErrno } from '../convoy/errors.ts';

/** What is asked for, and where. */
export interface Place {
  /** `v1`, or a group and its version: `coordination.k8s.io/v1`. */
  readonly api: string;
  /** Plural, as in RBAC: `configmaps`. */
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}
/** One object, as calls of the library want it. */
export interface NamedPlace extends Place {
  readonly namespace: string;
  readonly name: string;
}
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update';

/** The API server did not do what it was asked for. */
export class KubeApiError extends ConvoyError {
  /** Of HTTP; 0 when there was no answer. */
  readonly status: number;
  constructor(code: ErrorCode, status: number, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
    this.name = 'KubeApiError';
    this.status = status;
  }
}

export const isStatus = (error: unknown, status: number): error is KubeApiError => error instanceof KubeApiError && error.status === status;

/** `get configmaps "x" (namespace "y")`. */
export function describe(verb: Verb, { resource, api, namespace, name }: Place): string {
  const group = api.includes('/') ? `${resource}.${api.slice(0, api.indexOf('/'))}` : resource;
  const which = name === undefined ? group : `${group} ${JSON.stringify(name)}`;
  return `${verb} ${which}${namespace === undefined ? '' : ` (namespace ${JSON.stringify(namespace)})`}`;
}

const CODES: Readonly<Record<number, ErrorCode>> = { 404: 'NotFound', 409: 'Busy', 410: 'Unavailable' };

/** For an answer other than 2xx. */
export function refusedByApi(verb: Verb, place: Place, status: number, answer: V1Status): KubeApiError {
  const asked = describe(verb, place);
  const said = (answer.message ?? answer.reason ?? `HTTP status ${status}`).slice(0, 500);
  if (status === 401)
    return new KubeApiError(
      'Unavailable',
      status,
      `the API server does not accept the controller's credentials for "${asked}": its token has expired or its service account was made anew; restart the pod`,
    );
  if (status === 403)
    return new KubeApiError(
      'Unavailable',
      status,
      `the controller has no right to "${asked}": the roles of the chart give it (compare them by "helm upgrade" or with deploy/). The API server says: ${said}`,
    );
  // What we send is made by us: what the API server calls wrong in it is a defect, or an admission webhook's word.
  const code = CODES[status] ?? (status === 429 || status >= 500 ? 'Unavailable' : 'Internal');
  return new KubeApiError(code, status, `the API server answered "${asked}" with ${status}: ${said}`);
}

/** For a call without an answer. */
export function notReached(verb: Verb, place: Place, server: string, error: unknown): KubeApiError {
  const asked = describe(verb, place);
  if (error instanceof KubeApiError) return error;
  const root = rootOf(error);
  const why = isErrno(root, 'ECONNREFUSED') ? 'nothing listens there' : root instanceof Error ? root.message : String(root);
  return new KubeApiError(
    'Unavailable',
    0,
    `the API server at ${server} cannot be reached for "${asked}" (${why}): check the network policy and the control plane`,
    { cause: error },
  );
}

/** `fetch failed` says nothing: its cause does. */
const rootOf = (error: unknown): unknown => (error instanceof Error && error.cause instanceof Error ? rootOf(error.cause) : error);
