import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeCgroups, removeCgroups } from './cgroups.ts';
import { nodeKubeconfig } from './control-plane.ts';
import { releaseLoopsOfNode } from './loops.ts';
import { netnsPath, processesInNetns } from './network.ts';
import { containerdConfig, kubeletConfig, nodeDirectory, writeNodeConfig, xfsImage } from './node-config.ts';
import { BIN, nodeZone, SHARED, ZONE_LABEL } from './paths.ts';
import { isAlive, killAll, killRecorded, logTail, onlyChild, type ProcessRecord, recordOf, startDetached } from './processes.ts';
import { type RunOptions, run, waitFor } from './shell.ts';
import { changeNode, type NodeState, requireState } from './state.ts';

const XFS_BYTES = 4 * 1024 ** 3;
const INIT = join(import.meta.dirname, 'node-init.sh');

/** Once in a node's life: its files. */
export async function prepareNode(number: number): Promise<void> {
  mkdirSync(nodeDirectory(number), { recursive: true });
  writeNodeConfig(number);
  const image = openSync(xfsImage(number), 'wx', 0o600);
  ftruncateSync(image, XFS_BYTES);
  closeSync(image);
  await run('mkfs.xfs', ['-q', '-m', 'reflink=1', xfsImage(number)]);
}

/** Namespaces and containerd; the kubelet is started on its own, once there are images. */
export async function bootNode(number: number): Promise<void> {
  const name = nodeState(number).name;
  const ready = join(nodeDirectory(number), 'ready');
  rmSync(ready, { force: true });
  makeCgroups(number);
  const unshare = await startDetached(name, 'nsenter', [
    `--net=${netnsPath(number)}`,
    ...['unshare', '--mount', '--pid', '--uts', '--fork', '--mount-proc', '--kill-child', '--propagation', 'private'],
    ...['sh', INIT, name, nodeDirectory(number), xfsImage(number), SHARED],
  ]);
  const init = await onlyChild(name, unshare);
  changeNode(number, (node) => ({ ...node, init }));
  await waitFor(`the mounts of ${name}`, () => {
    if (!isAlive(init)) return false;
    return existsSync(ready) ? true : undefined;
  });
  if (!isAlive(init)) throw new Error(`${name} ended at its start:\n${logTail(name)}`);
  await startInside(number, 'containerd', ['--config', containerdConfig(number)]);
  await waitFor(`containerd of ${name}`, () => onNode(number, [join(BIN, 'ctr'), 'version'], { timeoutMs: 5000 }));
}

export async function startKubelet(number: number): Promise<void> {
  const { name, address } = nodeState(number);
  await startInside(number, 'kubelet', [
    `--config=${kubeletConfig(number)}`,
    `--kubeconfig=${nodeKubeconfig({ name })}`,
    `--hostname-override=${name}`,
    `--node-ip=${address}`,
    `--node-labels=${ZONE_LABEL}=${nodeZone(number)}`,
  ]);
}

/** kill -9, as the machine sees the process; its containers go on. */
export async function killKubelet(number: number): Promise<void> {
  const kubelets = processesInNetns(netnsPath(number)).filter((pid) => commandOf(pid) === 'kubelet');
  if (kubelets.length === 0) throw new Error(`no kubelet runs on ${nodeState(number).name}`);
  for (const pid of kubelets) await killRecorded(recordOf('kubelet', pid));
}

/** A power cut: all processes and mounts of the node are gone at once, its disk stays. */
export async function cutPower(number: number): Promise<void> {
  const { init } = nodeState(number);
  if (init !== undefined) await killRecorded(init);
  await killAll(() => processesInNetns(netnsPath(number)));
  await releaseLoopsOfNode(number);
  // A kubelet that finds those of containers from before asks for each of them for three seconds.
  await removeCgroups(number);
  changeNode(number, ({ init: _gone, ...node }) => node);
}

/** Runs a command in the namespaces of a node; resolves to its standard output. */
export async function onNode(number: number, command: readonly string[], options: RunOptions = {}): Promise<string> {
  return await run('nsenter', [...namespacesOf(number), ...command], options);
}

export function nodeState(number: number): NodeState {
  const nodes = requireState().nodes;
  const node = nodes.find((candidate) => candidate.number === number);
  if (node === undefined) throw new Error(`no node ${number}; there are ${nodes.map((candidate) => candidate.number).join(', ')}`);
  return node;
}

async function startInside(number: number, program: string, flags: readonly string[]): Promise<ProcessRecord> {
  return await startDetached(`${nodeState(number).name}-${program}`, 'nsenter', [...namespacesOf(number), join(BIN, program), ...flags]);
}

function namespacesOf(number: number): readonly string[] {
  const { name, init } = nodeState(number);
  if (init === undefined || !isAlive(init)) throw new Error(`${name} is stopped`);
  return [`--target=${init.pid}`, '--mount', '--pid', '--net', '--uts', '--'];
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return ''; // ended
  }
}
