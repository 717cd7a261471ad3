import assert from 'node:assert/strict';
import { type Pod, podSpec } from './objects.ts';
import { type Space, VOLUMES } from './space.ts';
import { notYet } from './waiting.ts';

/** A claim with a pod that writes to it and ends. */
export interface Visitor {
  /** Of the claim, of the pod, and what it writes. */
  readonly name: string;
  readonly storageClass: string;
  readonly node: string;
  /** The claim stays when the pod has gone. */
  readonly stays: boolean;
}

const PATIENCE_MS = 240_000;

/** Named in turn by class and by node. */
export function visitors(prefix: string, count: number, { classes, nodes, stays = () => false }: VisitorPlan): readonly Visitor[] {
  const turn = (list: readonly string[], index: number): string => list[index % list.length] ?? assert.fail('nothing to choose from');
  return Array.from({ length: count }, (_, index) => ({
    name: `${prefix}-${index}`,
    storageClass: turn(classes, Math.floor(index / nodes.length)),
    node: turn(nodes, index),
    stays: stays(index),
  }));
}

export interface VisitorPlan {
  readonly classes: readonly string[];
  readonly nodes: readonly string[];
  readonly stays?: (index: number) => boolean;
}

/** Made, bound, written, and gone again: pod, claim and, unless it stays, volume. */
export async function comeAndGo(space: Space, { name, storageClass, node, stays }: Visitor): Promise<void> {
  await space.claim(name, { storageClass });
  const script = `echo ${name} >/data/name && sync /data/name && test "$(cat /data/name)" = ${name}`;
  await space.api.create(space.path('pods'), { metadata: { name }, spec: endingPod({ '/data': name }, node, script) });
  const { status } = await space.until(
    `pod ${name} to end`,
    async () => {
      const pod = await space.getPod(name);
      const phase = pod.status?.phase ?? 'without status';
      return ['Succeeded', 'Failed'].includes(phase) ? pod : notYet(`it is ${phase}`);
    },
    PATIENCE_MS,
  );
  assert.equal(status?.phase, 'Succeeded', `pod ${name} on ${node}: ${JSON.stringify(status)}`);
  const { spec } = await space.getClaim(name);
  await remove(space, space.path('pods', name));
  if (stays) return;
  await remove(space, space.path('persistentvolumeclaims', name));
  await space.until(`the volume of ${name} to go`, () => isGone(space, `${VOLUMES}/${spec.volumeName}`), PATIENCE_MS);
}

/** Not more than so many at once. `done` is told after each how many have gone. */
export async function visitInTurn(
  space: Space,
  all: readonly Visitor[],
  atOnce: number,
  done: (count: number) => void = () => {},
): Promise<void> {
  const waiting = [...all];
  let count = 0;
  const serve = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await comeAndGo(space, next);
      count += 1;
      done(count);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, serve));
}

/** A pod that runs this and ends, for good. A container that a kubelet could not start because it was killed is started again. */
export function endingPod(claims: Readonly<Record<string, string>>, node: string, script: string): object {
  return { ...scriptPod(claims, node, script), restartPolicy: 'OnFailure' };
}

/** A pod that runs this. */
export function scriptPod(claims: Readonly<Record<string, string>>, node: string, script: string): object {
  const spec = podSpec({ claims, node }) as { readonly containers: readonly object[] };
  return { ...spec, containers: spec.containers.map((container) => ({ ...container, command: ['sh', '-c', script] })) };
}

/** How often the container of a pod was started again. */
export async function restartsOf(space: Space, pod: string): Promise<number> {
  const { status } = await space.api.get<
    Pod & { readonly status: { readonly containerStatuses?: readonly { readonly restartCount: number }[] } }
  >(space.path('pods', pod));
  return status.containerStatuses?.[0]?.restartCount ?? assert.fail(`pod ${pod} has no container`);
}

async function remove(space: Space, path: string): Promise<void> {
  await space.api.remove(path);
  await space.until(`${path} to go`, () => isGone(space, path), PATIENCE_MS);
}

async function isGone(space: Space, path: string): Promise<void> {
  assert.equal(await space.api.find(path), undefined, 'it is still there');
}
