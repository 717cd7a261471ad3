import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { KUBERNETES_NAMESPACE } from '../../rig/paths.ts';
import type { KubeObject } from './api.ts';
import { controllerPod } from './driver.ts';
import { controllerProcesses } from './global.ts';
import type { Space } from './space.ts';

interface PodWithContexts extends KubeObject {
  readonly spec: { readonly containers: readonly WithContext[]; readonly initContainers?: readonly WithContext[] };
}
interface WithContext {
  readonly name: string;
  readonly securityContext?: {
    readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
    readonly privileged?: boolean;
    readonly allowPrivilegeEscalation?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
  };
}

/** The controller's container is root with exactly these capabilities (name and number), its sidecars are nobody with none. */
export async function assertPrivileges(space: Space, capabilities: Readonly<Record<string, number>>): Promise<void> {
  const path = `/api/v1/namespaces/${KUBERNETES_NAMESPACE}/pods/${await controllerPod(space.api)}`;
  const { containers, initContainers = [] } = (await space.api.get<PodWithContexts>(path)).spec;
  assert.deepEqual(containers.map(({ name }) => name).sort(), ['convoy', 'csi-provisioner', 'csi-resizer', 'csi-snapshotter']);
  const names = Object.keys(capabilities).sort();
  for (const { name, securityContext } of [...containers, ...initContainers]) {
    assert.deepEqual([...(securityContext?.capabilities?.add ?? [])].sort(), name === 'convoy' ? names : [], name);
    assert.deepEqual(securityContext?.capabilities?.drop, ['ALL'], name);
    assert.equal(securityContext?.privileged ?? false, false, name);
    assert.equal(securityContext?.allowPrivilegeEscalation, false, name);
    assert.equal(securityContext?.readOnlyRootFilesystem, true, name);
  }
  // And what the kernel says of them.
  const mask = Object.values(capabilities).reduce((sum, number) => sum | (1n << BigInt(number)), 0n);
  for (const { name } of containers) {
    const processes = await controllerProcesses(space, name);
    assert.notEqual(processes.length, 0, name);
    for (const pid of processes) assertProcess(pid, name, name === 'convoy' ? mask : 0n);
  }
}

function assertProcess(pid: number, name: string, capabilities: bigint): void {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (key: string): string => new RegExp(`^${key}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? assert.fail(`no ${key}`);
  for (const set of ['CapPrm', 'CapBnd']) assert.equal(BigInt(`0x${field(set)}`), capabilities, `${set} of ${name}`);
  assert.equal(field('Uid') === '0', capabilities !== 0n, `${name} is user ${field('Uid')}`);
  assert.equal(field('NoNewPrivs'), '1', name);
}
