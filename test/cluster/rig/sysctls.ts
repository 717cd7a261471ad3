import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Settings of the one kernel that a kubelet changes when it starts. */
const CHANGED_BY_KUBELETS = [
  'kernel/keys/root_maxbytes',
  'kernel/keys/root_maxkeys',
  'kernel/panic',
  'kernel/panic_on_oops',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
];

export type Sysctls = Readonly<Record<string, string>>;

export function readSysctls(): Sysctls {
  const there = CHANGED_BY_KUBELETS.filter((name) => existsSync(`/proc/sys/${name}`));
  return Object.fromEntries(there.map((name) => [name, readFileSync(`/proc/sys/${name}`, 'utf8').trim()]));
}

export function restoreSysctls(before: Sysctls): void {
  const now = readSysctls();
  for (const [name, value] of Object.entries(before)) {
    if (now[name] !== value) writeFileSync(`/proc/sys/${name}`, value);
  }
}
