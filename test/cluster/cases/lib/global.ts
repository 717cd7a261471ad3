import { join } from 'node:path';
import { type Csi, connect } from '../../../support/csi.ts';
import { KUBERNETES_NAMESPACE } from '../../rig/paths.ts';
import { CommandError } from '../../rig/shell.ts';
import { controllerPod, convoy } from './driver.ts';
import type { Pod } from './objects.ts';
import type { Space } from './space.ts';

/** What the cases ask of global pools, which the controller manages. */

/** The `convoy` command in the controller's container. */
export async function admin(space: Space, ...words: readonly string[]): Promise<unknown> {
  return await convoy(space, await controllerPod(space.api), ...words);
}

/** What it says when it must fail. */
export async function adminFails(space: Space, ...words: readonly string[]): Promise<{ readonly code: string; readonly message: string }> {
  let said: unknown;
  try {
    said = await admin(space, ...words);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    // kubectl adds a line of its own with the exit code.
    return JSON.parse(error.stderr.slice(0, error.stderr.lastIndexOf('}') + 1)) as { readonly code: string; readonly message: string };
  }
  throw new Error(`convoy ${words.join(' ')} should have failed; it said ${JSON.stringify(said)}`);
}

/** Ids of the volumes of one global pool, or of all of them. */
export async function globalVolumes(space: Space, pool?: string): Promise<readonly string[]> {
  const words = pool === undefined ? [] : ['--pool', pool];
  const volumes = (await admin(space, 'volumes', 'list', ...words)) as readonly { readonly id: string }[];
  return volumes.map(({ id }) => id).sort();
}

/** Nodes that have noted that they use it, as `node NAME`. */
export async function holdersOf(space: Space, id: string): Promise<readonly string[]> {
  const { uses } = (await admin(space, 'volumes', 'inspect', id)) as { readonly uses: readonly { readonly path: string }[] };
  return uses.map(({ path }) => path).sort();
}

/** Names in a folder of a pool's directory, which is the same on every node. */
export async function namesIn({ cluster }: Space, ...path: readonly [string, ...string[]]): Promise<readonly string[]> {
  const [node] = cluster.nodes;
  const listed = await node?.run(['find', join(...path), '-mindepth', '1', '-maxdepth', '1', '-printf', '%f\n']);
  return (listed ?? '').split('\n').filter(Boolean).sort();
}

/** Where the controller's container runs now, and its processes as this machine numbers them; of another container of its pod too. */
export async function controllerProcesses(space: Space, container = 'convoy'): Promise<readonly number[]> {
  const pod = await controllerPod(space.api);
  const { spec } = await space.api.get<Pod>(`/api/v1/namespaces/${KUBERNETES_NAMESPACE}/pods/${pod}`);
  return await space.cluster.node(spec.nodeName ?? '').processes({ namespace: KUBERNETES_NAMESPACE, pod, container });
}

/** The controller's own socket, as its sidecars have it: for calls that no sidecar makes when a test wants them. */
export async function withController<T>(space: Space, work: (csi: Csi) => Promise<T>): Promise<T> {
  const [pid] = await controllerProcesses(space);
  const csi = connect(`/proc/${pid}/root/run/convoy/csi.sock`);
  try {
    return await work(csi);
  } finally {
    csi.close();
  }
}
