import type { ClaimedVolume, NodeStatus, OrphanVolume } from '../cluster/api.ts';
import { invalid } from '../convoy/errors.ts';
import type { PoolOutline } from '../pool/api.ts';
import type { ClusterNode } from './gen/convoy/admin/v0/ClusterNode.ts';
import type { LostVolume } from './gen/convoy/admin/v0/LostVolume.ts';
import type { OrphanVolume as OrphanMessage } from './gen/convoy/admin/v0/OrphanVolume.ts';
import type { Pool as PoolMessage } from './gen/convoy/admin/v0/Pool.ts';
import { poolMessage, timestamp } from './messages.ts';
import { aboutMessage, poolMessages } from './pools.ts';
import type { ClusterEdge, ClusterRpc } from './rpc.ts';

/** What a controller is asked by an admin. */

export const infoOfController: ClusterRpc<'Info'> = async (edge) => ({ ...aboutMessage(edge.about), pools: await allPools(edge) });

export const listPoolsOfController: ClusterRpc<'ListPools'> = async (edge) => ({ pools: await allPools(edge) });

export const listNodes: ClusterRpc<'ListNodes'> = async ({ cluster }) => ({ nodes: (await cluster.nodes()).map(nodeMessage) });

export const forgetNode: ClusterRpc<'ForgetNode'> = async ({ cluster }, { node, force }) => {
  const gone = await cluster.forget(required(node), { force });
  return { node: gone.nodeName, nodeUid: gone.nodeUid ?? '' };
};

export const readmitNode: ClusterRpc<'ReadmitNode'> = async ({ cluster }, { node }) => {
  await cluster.readmit(required(node));
  return {};
};

export const listOrphans: ClusterRpc<'ListOrphans'> = async ({ cluster }, { minAgeMs }) => {
  const { volumes, claims, silent } = await cluster.orphans({ minAgeMs: Number(minAgeMs) });
  return {
    orphans: volumes.map(orphanMessage),
    lost: claims.map(lostMessage),
    silent: silent.map(({ nodeName, reason }) => ({ node: nodeName, reason })),
  };
};

function required(node: string): string {
  if (node === '') throw invalid('node is required: the name of a node, as "convoy node list" shows it');
  return node;
}

/** In the order of the configuration. */
async function allPools({ pools, global }: Pick<ClusterEdge, 'pools' | 'global'>): Promise<PoolMessage[]> {
  const own = global === undefined ? [] : await poolMessages(global.pools);
  return pools.map((outline) => {
    const found = own.find(({ name }) => name === outline.config.name);
    return found === undefined ? outlineMessage(outline) : { ...found, isDefault: outline.isDefault };
  });
}

/** Its storage is on the nodes: nothing but the configuration is known here. */
const outlineMessage = ({ config, isDefault, scope, access, operations }: PoolOutline): PoolMessage => ({
  ...poolMessage({
    config,
    isDefault,
    scope,
    operations,
    isGuest: false,
    state: { kind: 'unavailable', reason: 'it is on the nodes: "convoy node list" shows them' },
  }),
  access,
});

function nodeMessage(node: NodeStatus): ClusterNode {
  return {
    name: node.nodeName,
    key: node.nodeKey,
    state: node.state,
    reason: node.reason ?? '',
    address: node.address ?? '',
    version: node.version ?? '',
    pools: node.pools.map(({ name, driver, open, reason }) => ({ name, driver, open, reason: reason ?? '' })),
    goneSince: node.goneSince === undefined ? null : timestamp(new Date(node.goneSince)),
  };
}

const orphanMessage = (orphan: OrphanVolume): OrphanMessage => ({
  id: orphan.volumeId,
  node: orphan.nodeName,
  pool: orphan.pool,
  name: orphan.name,
  sizeBytes: orphan.sizeBytes.toString(),
  createdAt: timestamp(new Date(orphan.createdAt)),
});

const lostMessage = (lost: ClaimedVolume): LostVolume => ({
  persistentVolume: lost.pvName,
  volumeId: lost.volumeId,
  claim: lost.claim ?? '',
  phase: lost.phase,
  sizeBytes: lost.sizeBytes.toString(),
  createdAt: timestamp(new Date(lost.createdAt)),
});
