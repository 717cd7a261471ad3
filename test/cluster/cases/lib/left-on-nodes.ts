import assert from 'node:assert/strict';
import type { ClusterNode } from '../../rig/cluster.ts';
import { loopsOfNode } from '../../rig/loops.ts';
import { agentPod, convoy, DRIVER } from './driver.ts';
import { globalVolumes } from './global.ts';
import type { Volume } from './objects.ts';
import { type Space, VOLUMES } from './space.ts';

/** What the driver has on the nodes and in its global pools, each thing as one line: equal means that nothing was left and nothing lost. */
export interface OnNodes {
  /** Ids of volumes, as each node's agent and the controller tell. */
  readonly volumes: readonly string[];
  /** Mounts of volumes below the kubelet's directory. */
  readonly mounts: readonly string[];
  /** Loop devices of its disk and of its xfs. */
  readonly loops: readonly string[];
}

export async function lookAtNodes(space: Space): Promise<OnNodes> {
  const { nodes } = space.cluster;
  const volumes = await Promise.all(nodes.map((node) => volumesOn(space, node.name)));
  const mounts = await Promise.all(nodes.map(mountsOn));
  const loops = await Promise.all(nodes.map(({ number }) => loopsOfNode(number)));
  volumes.push(await globalVolumes(space));
  return { volumes: volumes.flat().sort(), mounts: mounts.flat().sort(), loops: loops.flat().sort() };
}

export async function volumesOn(space: Space, node: string): Promise<readonly string[]> {
  const volumes = (await convoy(space, await agentPod(space.api, node), 'volumes', 'list')) as readonly { readonly id: string }[];
  return volumes.map(({ id }) => id);
}

/** Until nothing is left but what was there before, and each volume on a node has its PersistentVolume and the reverse. */
export async function untilAsBefore(space: Space, before: OnNodes): Promise<void> {
  await space.until('the nodes to be as before', async () => {
    const now = await lookAtNodes(space);
    assert.deepEqual(now, before);
    const claimed = (await space.api.list<Volume>(VOLUMES)).flatMap(({ spec }) =>
      spec.csi?.driver === DRIVER ? [spec.csi.volumeHandle] : [],
    );
    assert.deepEqual(claimed.sort(), now.volumes);
  });
}

async function mountsOn(node: ClusterNode): Promise<readonly string[]> {
  const table = await node.run(['cat', '/proc/self/mountinfo']);
  return table
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith('/var/lib/kubelet/') && /\/(kubernetes\.io~csi|plugins\/kubernetes\.io\/csi)\//.test(target))
    .map((target) => `${node.name} ${target}`);
}
