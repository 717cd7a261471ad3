import { containerProcesses } from './cgroups.ts';
import { installOwnChart } from './chart.ts';
import { apply, helm, kubectl } from './kube.ts';
import { setCable } from './network.ts';
import { bootNode, cutPower, killKubelet, nodeState, onNode, startKubelet } from './node.ts';
import { KUBECONFIG, LOGS } from './paths.ts';
import { killRecorded, recordIfAlive } from './processes.ts';
import { buildAndLoad, type ImageBuild } from './project-image.ts';
import type { RunOptions } from './shell.ts';
import { requireState } from './state.ts';

/** The running cluster, as tests use it. Everything rejects with what the command behind it said. */
export interface Cluster {
  readonly kubeconfig: string;
  /** Directory with the logs of the control plane, the kubelets and containerds. */
  readonly logs: string;
  readonly nodes: readonly ClusterNode[];
  /** By name, as in `spec.nodeName`. */
  node(name: string): ClusterNode;
  kubectl(args: readonly string[], options?: RunOptions): Promise<string>;
  /** One object as kubectl prints it in JSON. */
  get(args: readonly string[]): Promise<unknown>;
  apply(yaml: string): Promise<string>;
  helm(args: readonly string[], options?: RunOptions): Promise<string>;
  /** Builds the project's image under this name and loads it on all nodes that are up. */
  buildImage(build: ImageBuild): Promise<void>;
  /** `helm upgrade --install` of the project's chart with these values (YAML); waits until all of it is ready. */
  installChart(values?: string, args?: readonly string[]): Promise<void>;
}

export interface ClusterNode {
  readonly number: number;
  readonly name: string;
  readonly address: string;
  /** In the node's namespaces, as its root: `['ls', '/var/lib/kubelet/plugins']`. */
  run(command: readonly string[], options?: RunOptions): Promise<string>;
  /** SIGKILL; containers go on. `startKubelet` brings it back. */
  killKubelet(): Promise<void>;
  startKubelet(): Promise<void>;
  /** Nothing gets to or from the node; what runs on it goes on. */
  cutNetwork(): Promise<void>;
  restoreNetwork(): Promise<void>;
  /** Power cut: every process and mount of it is gone at once, its disk stays. */
  stop(): Promise<void>;
  /** Boots it again: containerd and kubelet. */
  start(): Promise<void>;
  /** Processes of one of its containers as this machine numbers them, the first one first. */
  processes(container: ContainerName): Promise<readonly number[]>;
  /** SIGKILL to all processes of the container; the kubelet starts it again. */
  killContainer(container: ContainerName): Promise<void>;
}

export interface ContainerName {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** The cluster that is up, from any process. Throws when none is. */
export function openCluster(): Cluster {
  const nodes = requireState().nodes.map(({ number }) => openNode(number));
  const names = nodes.map(({ name }) => name).join(', ');
  return {
    kubeconfig: KUBECONFIG,
    logs: LOGS,
    nodes,
    node: (name) => {
      const found = nodes.find((candidate) => candidate.name === name);
      if (found === undefined) throw new Error(`the test cluster has no node ${name}; it has ${names}`);
      return found;
    },
    kubectl,
    get: async (args) => JSON.parse(await kubectl(['get', ...args, '--output=json'])) as unknown,
    apply,
    helm,
    buildImage: buildAndLoad,
    installChart: installOwnChart,
  };
}

function openNode(number: number): ClusterNode {
  const { name, address } = nodeState(number);
  const processes = async (container: ContainerName): Promise<readonly number[]> =>
    containerProcesses(number, await containerId(container));
  return {
    number,
    name,
    address,
    run: (command, options) => onNode(number, command, options),
    killKubelet: () => killKubelet(number),
    startKubelet: () => startKubelet(number),
    cutNetwork: () => setCable(number, 'down'),
    restoreNetwork: () => setCable(number, 'up'),
    stop: () => cutPower(number),
    start: async () => {
      await bootNode(number);
      await startKubelet(number);
    },
    processes,
    killContainer: async (container) => {
      const pids = await processes(container);
      if (pids.length === 0) throw new Error(`container ${container.container} of ${container.pod} has no process on ${name}`);
      // The first one takes the others with it, and some end by themselves.
      const records = pids.flatMap((pid) => recordIfAlive(container.container, pid));
      await Promise.all(records.map((record) => killRecorded(record)));
    },
  };
}

async function containerId({ namespace, pod, container }: ContainerName): Promise<string> {
  const path = `jsonpath={.status.containerStatuses[?(@.name=="${container}")].containerID}`;
  const id = await kubectl(['get', 'pod', pod, `--namespace=${namespace}`, `--output=${path}`]);
  if (!id.startsWith('containerd://')) throw new Error(`pod ${namespace}/${pod} has no running container ${container}`);
  return id.slice('containerd://'.length);
}
