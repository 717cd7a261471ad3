import { existsSync, statSync } from 'node:fs';
import {
  API_PORT,
  API_SERVICE_ADDRESS,
  BRIDGE,
  MACHINE_ADDRESS,
  NETNS_PREFIX,
  NETWORK_BITS,
  nodeAddress,
  podRange,
  SERVICE_RANGE,
} from './paths.ts';
import { allProcesses, linkOf } from './processes.ts';
import { run, tryRun } from './shell.ts';

/** A bridge of this machine, and a network namespace with a cable to it for each node. No way out of it. */
export const netnsPath = (number: number): string => `/run/netns/${NETNS_PREFIX}${number}`;
const cable = (number: number): string => `${NETNS_PREFIX}${number}`;

export async function makeBridge(): Promise<void> {
  for (const range of [`${MACHINE_ADDRESS}/${NETWORK_BITS}`, podRange(0).replace('/24', '/16'), SERVICE_RANGE]) {
    const taken = await run('ip', ['-4', 'route', 'show', 'root', range]);
    if (taken.trim() !== '') throw new Error(`the test cluster needs the addresses ${range}, but this machine has a route there: ${taken}`);
  }
  await run('ip', ['link', 'add', BRIDGE, 'type', 'bridge']);
  await run('ip', ['address', 'add', `${MACHINE_ADDRESS}/${NETWORK_BITS}`, 'dev', BRIDGE]);
  await run('ip', ['link', 'set', BRIDGE, 'up']);
}

export async function makeNodeNetwork(number: number, all: readonly number[]): Promise<void> {
  const name = `${NETNS_PREFIX}${number}`;
  await run('ip', ['netns', 'add', name]);
  await run('ip', ['link', 'add', cable(number), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
  await run('ip', ['link', 'set', cable(number), 'master', BRIDGE, 'up']);
  const inside = [
    'link set lo up',
    `address add ${nodeAddress(number)}/${NETWORK_BITS} dev eth0`,
    'link set eth0 up',
    ...all.filter((other) => other !== number).map((other) => `route add ${podRange(other)} via ${nodeAddress(other)}`),
    // The one service address that is served; nothing may wait for an answer of another.
    `route add ${API_SERVICE_ADDRESS}/32 via ${MACHINE_ADDRESS}`,
    `route add unreachable ${SERVICE_RANGE}`,
  ];
  await run('ip', ['-netns', name, '-batch', '-'], { input: `${inside.join('\n')}\n` });
  await inNetns(number, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  for (const chain of ['PREROUTING', 'OUTPUT']) {
    const rule = [
      '-d',
      API_SERVICE_ADDRESS,
      '-p',
      'tcp',
      '--dport',
      '443',
      '-j',
      'DNAT',
      '--to-destination',
      `${MACHINE_ADDRESS}:${API_PORT}`,
    ];
    await inNetns(number, 'iptables', '-w', '-t', 'nat', '-A', chain, ...rule);
  }
  // For what the API server is asked to reach in pods, and for tests that look at a pod's metrics.
  await run('ip', ['route', 'add', podRange(number), 'via', nodeAddress(number), 'dev', BRIDGE]);
}

/** Pulls the node's cable, or puts it back. */
export async function setCable(number: number, state: 'up' | 'down'): Promise<void> {
  await run('ip', ['link', 'set', cable(number), state]);
}

export async function removeNodeNetwork(number: number): Promise<void> {
  const name = `${NETNS_PREFIX}${number}`;
  if (existsSync(netnsPath(number))) await run('ip', ['netns', 'delete', name]);
  // Its other end goes with the namespace, when the kernel gets to it.
  await tryRun('ip', ['link', 'delete', cable(number)]);
}

/** Processes that are in a node's own network namespace: the node's first one among them. */
export function processesInNetns(path: string): readonly number[] {
  const inode = statSync(path, { throwIfNoEntry: false })?.ino;
  if (inode === undefined) return [];
  return allProcesses().filter((pid) => linkOf(pid, 'ns/net') === `net:[${inode}]`);
}

async function inNetns(number: number, command: string, ...args: readonly string[]): Promise<string> {
  return await run('nsenter', [`--net=${netnsPath(number)}`, command, ...args]);
}
