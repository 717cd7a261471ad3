import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { mountsBelow } from '../../support/scratch-fs.ts';
import { cgroupsOf, removeCgroups } from './cgroups.ts';
import { loopsOfNode, releaseLoopsOfNode } from './loops.ts';
import { netnsPath, processesInNetns, removeNodeNetwork } from './network.ts';
import { BRIDGE, CACHE, MOST_NODES, NETNS_PREFIX, RUN } from './paths.ts';
import { isAlive, killAll, killRecorded, strays } from './processes.ts';
import { run, tryRun } from './shell.ts';
import { readState, removeState, type State } from './state.ts';
import { restoreSysctls } from './sysctls.ts';

const NETNS = '/run/netns';
/** Every node that may be: what is left of one is found without a state file too. */
const NUMBERS = Array.from({ length: MOST_NODES }, (_, index) => index + 1);

/**
 * Takes the cluster down, whole or half up, by its state file and by the names that it always uses. Goes on after a step that
 * failed, and then throws with all that is left.
 */
export async function tearDown(): Promise<void> {
  const state = readState();
  const problems: string[] = [];
  const step = async (what: string, work: () => Promise<void> | void): Promise<void> => {
    try {
      await work();
    } catch (error) {
      problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  // First who would act on what goes away; then the nodes, each with all that runs and is mounted in it.
  await step('control plane', async () => {
    for (const record of [...(state?.processes ?? [])].reverse()) await killRecorded(record);
  });
  await Promise.all(NUMBERS.map((number) => step(`node ${number}`, () => removeNode(number, state))));
  await step('processes', () => killAll(strays));
  await step('bridge', async () => {
    if (existsSync(`/sys/class/net/${BRIDGE}`)) await run('ip', ['link', 'delete', BRIDGE]);
  });
  await step('mounts', async () => {
    for (const target of [...mountsBelow(CACHE)].reverse()) await run('umount', [target]);
  });
  await step(NETNS, () => removeNetnsDirectory(state));
  await step('kernel settings', () => restoreSysctls(state?.sysctls ?? {}));
  const left = await leftovers();
  if (problems.length > 0 || left.length > 0) throw new Error(`the test cluster is not wholly gone: ${[...problems, ...left].join('; ')}`);
  // Last: loop devices are found by the files in it.
  rmSync(RUN, { recursive: true, force: true });
  removeState();
}

/** What a cluster has running or left on this machine, in words; empty when nothing. */
export async function leftovers(): Promise<readonly string[]> {
  const state = readState();
  const recorded = [...(state?.processes ?? []), ...(state?.nodes ?? []).flatMap(({ init }) => init ?? [])].filter(isAlive);
  const unrecorded = [...strays(), ...NUMBERS.flatMap((number) => processesInNetns(netnsPath(number)))];
  const links = readdirSync('/sys/class/net').filter((name) => name === BRIDGE || name.startsWith(NETNS_PREFIX));
  const loops = (await Promise.all(NUMBERS.map(loopsOfNode))).flat();
  return [
    ...recorded.map(({ name, pid }) => `process ${pid} (${name})`),
    ...unrecorded.filter((pid) => !recorded.some((record) => record.pid === pid)).map((pid) => `process ${pid}`),
    ...links.map((name) => `network device ${name}`),
    ...NUMBERS.map(netnsPath)
      .filter(existsSync)
      .map((path) => `network namespace ${path}`),
    ...NUMBERS.flatMap(cgroupsOf)
      .filter(existsSync)
      .map((path) => `cgroup ${path}`),
    ...mountsBelow(CACHE).map((target) => `mount ${target}`),
    ...loops.map((device) => `loop device ${device}`),
  ];
}

async function removeNode(number: number, state: State | undefined): Promise<void> {
  const init = state?.nodes.find((node) => node.number === number)?.init;
  if (init !== undefined) await killRecorded(init);
  await killAll(() => processesInNetns(netnsPath(number)));
  await releaseLoopsOfNode(number);
  await removeNodeNetwork(number);
  await removeCgroups(number);
}

/** `ip netns` makes it, and a mount of it on itself, for the first namespace. */
async function removeNetnsDirectory(state: State | undefined): Promise<void> {
  if (state?.madeNetnsDirectory !== true || !existsSync(NETNS) || readdirSync(NETNS).length > 0) return;
  await tryRun('umount', [NETNS]);
  rmdirSync(NETNS);
}
