import { ConvoyError } from '../convoy/errors.ts';
import { nodeKey } from '../convoy/ids.ts';
import { NO_NODE_NAMED } from '../convoy/names.ts';
import type { Segments, Where } from './api.ts';
import type { Pool, PoolEnv } from './pool.ts';

/** Whether a pool is where something may be made. A local pool is on its node, a global one where its segments say. */

/** RESOURCE_EXHAUSTED makes the provisioner choose another node (reference: external-provisioner, checkError). */
export function checkWhere(env: PoolEnv, pool: Pool, where: Where): void {
  if (isAllowed(env, pool, where)) return;
  if (pool.isLocal && where.nodes?.length === 0) throw new ConvoyError('NoSpace', NO_NODE_NAMED);
  throw new ConvoyError(
    'NoSpace',
    `pool ${pool.name} is ${placeOf(env, pool)}, but accessibility_requirements allow only ${askedOf(pool, where)}: ${
      pool.isLocal ? 'allow this node, or use a pool that those nodes have' : 'allow its topology, or use a pool that is reached from there'
    }`,
  );
}

/** "No room" would send the caller elsewhere while this one works on, or has, what it asked for. */
export function elsewhere(env: PoolEnv, pool: Pool, where: Where): string | undefined {
  return isAllowed(env, pool, where) ? undefined : `it is ${placeOf(env, pool)}, asked is ${askedOf(pool, where)}`;
}

function isAllowed(env: PoolEnv, pool: Pool, { nodes, terms }: Where): boolean {
  if (pool.isLocal) return nodes === undefined || nodes.includes(env.nodeName) || nodes.includes(nodeKey(env.nodeName));
  const { segments } = pool.config;
  return segments === undefined || terms === undefined || terms.some((term) => isReached(segments, term));
}

/** What a term does not say of a key is not against it: a node that does not report its zone may well be there. */
const isReached = (segments: Segments, term: Segments): boolean =>
  Object.entries(segments).every(([key, value]) => !Object.hasOwn(term, key) || term[key] === value);

const placeOf = (env: PoolEnv, pool: Pool): string =>
  pool.isLocal ? `on node ${env.nodeName}` : `reached from ${textOf(pool.config.segments ?? {})}`;

const askedOf = (pool: Pool, { nodes = [], terms = [] }: Where): string =>
  pool.isLocal ? nodes.join(', ') : terms.map(textOf).join(' or ');

const textOf = (segments: Segments): string =>
  Object.entries(segments)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
