import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { buildTools } from '../build-tools.ts';
import { installSnapshotController, installSnapshotCrds } from './addons.ts';
import { makeCertificates, newToken } from './certificates.ts';
import { chartExists, installOwnChart, ownImage } from './chart.ts';
import { startControlPlane } from './control-plane.ts';
import { showDiagnostics } from './diagnostics.ts';
import { loadArchives, makeStockImages } from './images.ts';
import { kubectl } from './kube.ts';
import { makeBridge, makeNodeNetwork } from './network.ts';
import { bootNode, prepareNode, startKubelet } from './node.ts';
import { clusterBlocked, ensureClusterPackages } from './packages.ts';
import { LOGS, MOST_NODES, nodeAddress, nodeName, REPOSITORY, RUN } from './paths.ts';
import { isAlive, recordOf } from './processes.ts';
import { buildProjectImage } from './project-image.ts';
import { waitFor } from './shell.ts';
import { readState, type State, writeState } from './state.ts';
import { readSysctls } from './sysctls.ts';
import { leftovers, tearDown } from './teardown.ts';

export interface BringUpOptions {
  /** Default 3. */
  readonly nodes?: number;
  readonly purpose: 'tests' | 'person';
  /** Values of the chart, as YAML; default: none. `false`: no chart, and no image of the project. */
  readonly chart?: string | false;
  /** To look at what went wrong. */
  readonly keepOnFailure?: boolean;
  readonly say?: (line: string) => void;
}

/** Builds what is missing, brings the cluster up and installs the chart. Whatever goes wrong, nothing is left running. */
export async function bringUp({ nodes = 3, purpose, chart = '', keepOnFailure = false, say = print }: BringUpOptions): Promise<void> {
  checkMachine(nodes);
  // First of all: whoever gives up afterwards takes down what is there.
  await removeAbandoned(say);
  ensureClusterPackages(say);
  const withChart = chart !== false;
  if (withChart && !chartExists()) throw new Error('no charts/convoy-csi/Chart.yaml or no Dockerfile here: there is nothing to install');

  const { stock, own } = await timed(say, 'programs and images', () => prepareImages(withChart ? chart : undefined, say));
  const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
  rmSync(LOGS, { recursive: true, force: true });
  mkdirSync(RUN, { recursive: true });
  writeState(newState(numbers, purpose));
  try {
    await timed(say, 'control plane', startMachine);
    await Promise.all([
      timed(say, `${nodes} nodes with images`, () => startNodes(numbers, [...stock, ...(own === undefined ? [] : [own])])),
      timed(say, 'snapshot CRDs', installSnapshotCrds),
    ]);
    await timed(say, 'nodes ready', async () => {
      const names = numbers.map((number) => `node/${nodeName(number)}`);
      // It gives up at once on one that has not registered yet.
      await waitFor('the nodes', () => kubectl(['wait', '--for=condition=Ready', '--timeout=30s', ...names]), 90_000);
    });
    await timed(say, 'snapshot-controller', installSnapshotController);
    if (withChart) await timed(say, 'helm install', () => installOwnChart(chart));
    await kubectl(['--namespace=kube-system', 'rollout', 'status', 'deployment/snapshot-controller', '--timeout=90s']);
  } catch (error) {
    await showDiagnostics(say);
    if (!keepOnFailure) await tearDown();
    throw error;
  }
}

/** Another's cluster is up: it is neither used nor touched. */
export class ClusterTakenError extends Error {}

function checkMachine(nodes: number): void {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MOST_NODES)
    throw new Error(`a test cluster has 1 to ${MOST_NODES} nodes, not ${nodes}`);
  const blocked = clusterBlocked();
  if (blocked !== undefined) throw new Error(`no test cluster on this machine: it ${blocked}`);
  // Nodes see directories of their own there, with the machine's below: not what is mounted in those.
  const hidden = ['/run/', '/srv/', '/var/lib/', '/var/log/'].find((place) => `${REPOSITORY}/`.startsWith(place));
  if (hidden !== undefined)
    throw new Error(`the nodes of a test cluster have a ${hidden} of their own, and this checkout is below it: move it`);
}

/** What a test run that was killed left is removed; a person's cluster, or another run's, is not ours to remove. */
async function removeAbandoned(say: (line: string) => void): Promise<void> {
  const state = readState();
  if (state?.owner.purpose === 'person') throw new ClusterTakenError('a test cluster is up already; to end it: npm run cluster -- down');
  if (state !== undefined && isAlive(state.owner))
    throw new ClusterTakenError(`process ${state.owner.pid} runs tests on a cluster now; wait for its end`);
  if (state === undefined && (await leftovers()).length === 0) return;
  say('Removing what an earlier run left …');
  await tearDown();
}

/** The project's image waits for the network and npm, Go for the processors: side by side. */
async function prepareImages(values: string | undefined, say: (line: string) => void): Promise<{ stock: readonly string[]; own?: string }> {
  await buildTools(['helm'], say);
  const tools = (async () => {
    await buildTools([], say);
    return await makeStockImages();
  })();
  if (values === undefined) return { stock: await tools };
  const reference = await ownImage(values);
  const image = timed(say, `image ${reference}`, () => buildProjectImage({ reference }));
  // Both to their end: neither goes on in the background when the other failed.
  await Promise.allSettled([tools, image]);
  return { stock: await tools, own: await image };
}

function newState(numbers: readonly number[], purpose: State['owner']['purpose']): State {
  return {
    owner: { ...recordOf('runner', process.pid), purpose },
    processes: [],
    nodes: numbers.map((number) => ({ number, name: nodeName(number), address: nodeAddress(number), token: newToken() })),
    madeNetnsDirectory: !existsSync('/run/netns'),
    sysctls: readSysctls(),
  };
}

async function startMachine(): Promise<void> {
  await makeBridge();
  await makeCertificates();
  await startControlPlane(readState()?.nodes ?? []);
}

async function startNodes(numbers: readonly number[], archives: readonly string[]): Promise<void> {
  for (const number of numbers) await makeNodeNetwork(number, numbers);
  await Promise.all(
    numbers.map(async (number) => {
      await prepareNode(number);
      await bootNode(number);
      await loadArchives(archives, [number]);
      await startKubelet(number);
    }),
  );
}

async function timed<T>(say: (line: string) => void, what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  say(`${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s  ${what}`);
  return result;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
