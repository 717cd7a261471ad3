import assert from 'node:assert/strict';
import { KUBERNETES_NAMESPACE } from '../../rig/paths.ts';
import type { Api } from './api.ts';
import type { CapacityObject, Pod } from './objects.ts';
import type { NewObject, Space } from './space.ts';
import { notYet } from './waiting.ts';

export const DRIVER = 'csi.convoy-csi.org';
export const TOPOLOGY_KEY = `${DRIVER}/node`;

/** The pools of values.yaml that every node has for itself. Each has a class of its name and an immediate one, NAME-now. */
export interface PoolFacts {
  readonly pool: string;
  readonly driver: 'vfs' | 'loop' | 'local';
  /** Smallest convenient claim. */
  readonly size: string;
}
export const POOLS: readonly PoolFacts[] = [
  { pool: 'default', driver: 'vfs', size: '64Mi' },
  { pool: 'reflink', driver: 'vfs', size: '64Mi' },
  { pool: 'fast', driver: 'loop', size: '64Mi' },
  { pool: 'image', driver: 'loop', size: '320Mi' },
  { pool: 'docker', driver: 'local', size: '64Mi' },
];

const PODS = `/api/v1/namespaces/${KUBERNETES_NAMESPACE}/pods`;

/** Running pods of the driver: the controller, or the agents. */
export async function driverPods(api: Api, component: 'controller' | 'node'): Promise<readonly Pod[]> {
  const pods = await api.list<Pod>(`${PODS}?labelSelector=app.kubernetes.io/component%3D${component}`);
  return pods.filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.phase === 'Running');
}

export async function controllerPod(api: Api): Promise<string> {
  const [pod, ...more] = await driverPods(api, 'controller');
  assert.ok(pod !== undefined && more.length === 0, `there is one controller, not ${more.length + (pod === undefined ? 0 : 1)}`);
  return pod.metadata.name;
}

export async function agentPod(api: Api, node: string): Promise<string> {
  const pod = (await driverPods(api, 'node')).find(({ spec }) => spec.nodeName === node);
  return pod?.metadata.name ?? assert.fail(`node ${node} has no agent`);
}

/** kill -9 of the program in a pod of the driver; the kubelet starts it again. */
export async function killConvoy({ api, cluster }: Space, pod: string): Promise<void> {
  const { spec } = await api.get<Pod>(`${PODS}/${pod}`);
  await cluster.node(spec.nodeName ?? '').killContainer({ namespace: KUBERNETES_NAMESPACE, pod, container: 'convoy' });
}

/** The `convoy` command in a pod of the driver; what it prints with --json. */
export async function convoy({ cluster }: Space, pod: string, ...words: readonly string[]): Promise<unknown> {
  const args = ['exec', `--namespace=${KUBERNETES_NAMESPACE}`, pod, '--container=convoy', '--', 'convoy', '--json', ...words];
  return JSON.parse(await cluster.kubectl(args)) as unknown;
}

/** Of a pod of the driver, through the API server. */
export async function http(api: Api, pod: string, path: string): Promise<string> {
  return await api.text(`${PODS}/${pod}:9808/proxy${path}`);
}

/** The sum of a metric's samples whose labels contain all of these. */
export function sample(metrics: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  const values = metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((label) => line.includes(label)))
    .map((line) => Number(line.slice(line.lastIndexOf(' '))));
  return values.reduce((sum, value) => sum + value, 0);
}

/** A line of the controller's log about a call. */
export interface CallLine {
  readonly method?: string;
  readonly code?: string;
  readonly volume_id?: string;
  readonly request?: { readonly name?: string };
  readonly msg?: string;
}

export async function controllerLog(api: Api): Promise<readonly CallLine[]> {
  const text = await api.text(`${PODS}/${await controllerPod(api)}/log?container=convoy`);
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as CallLine);
}

/** The CreateVolume calls for a claim, as the provisioner names its volume: gRPC code, and the id that was answered. */
export async function createCalls(api: Api, claimUid: string): Promise<readonly string[]> {
  const lines = await controllerLog(api);
  const calls = lines.filter(({ method, request }) => method === 'CreateVolume' && request?.name === `pvc-${claimUid}`);
  return calls.map(({ code = '', volume_id: id = '' }) => `${code} ${id}`);
}

export async function capacities(api: Api): Promise<readonly CapacityObject[]> {
  return await api.list<CapacityObject>(`/apis/storage.k8s.io/v1/namespaces/${KUBERNETES_NAMESPACE}/csistoragecapacities`);
}

/** What is said to be free for a class on a node, in bytes; no object yet is not yet. */
export async function roomOn(api: Api, storageClass: string, node: string): Promise<number> {
  const found = (await capacities(api)).find((each) => each.storageClassName === storageClass && nodeOfCapacity(each) === node);
  return found === undefined ? notYet(`no CSIStorageCapacity for ${storageClass} on ${node}`) : bytesOf(found.capacity ?? '0');
}

export const nodeOfCapacity = ({ nodeTopology }: CapacityObject): string | undefined => nodeTopology?.matchLabels?.[TOPOLOGY_KEY];

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18 };
for (const [index, unit] of ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].entries()) Object.assign(UNITS, { [unit]: 1024 ** (index + 1) });

/** A Kubernetes quantity. */
export function bytesOf(quantity: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(quantity) ?? [];
  const factor = UNITS[unit];
  if (number === '' || factor === undefined) throw new Error(`${JSON.stringify(quantity)} is no quantity`);
  return Number(number) * factor;
}

/** A class that a test makes for itself. */
export function storageClass(
  name: string,
  parameters: Readonly<Record<string, string>>,
  more: { readonly binding?: 'Immediate' | 'WaitForFirstConsumer'; readonly nodes?: readonly string[]; readonly retain?: boolean } = {},
): NewObject {
  const { binding = 'Immediate', nodes, retain } = more;
  return {
    metadata: { name },
    provisioner: DRIVER,
    parameters,
    volumeBindingMode: binding,
    reclaimPolicy: retain === true ? 'Retain' : 'Delete',
    allowVolumeExpansion: true,
    ...(nodes === undefined ? {} : { allowedTopologies: [{ matchLabelExpressions: [{ key: TOPOLOGY_KEY, values: nodes }] }] }),
  };
}
