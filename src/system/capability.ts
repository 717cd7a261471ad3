import { readFileSync } from 'node:fs';

/** Capabilities by their numbers in linux/capability.h. */
export const CAP_SYS_ADMIN = 21n;
/** The kernel asks for it to grow a mounted ext4. */
export const CAP_SYS_RESOURCE = 24n;

/** True if this process has it in effect (proc_pid_status(5), CapEff). The file is the kernel's and is read at once. */
export function hasCapability(capability: bigint): boolean {
  const [, hex = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${hex}`) >> capability) & 1n) === 1n;
}
