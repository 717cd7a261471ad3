import type { MountEntry } from '../system/api.ts';

/**
 * Why volumes that are mounted below the kubelet's directory would not be seen by the kubelet and the pods; undefined when
 * they are. The mount that holds the directory has to be shared (mount_namespaces(7)), both on the host, where systemd makes
 * it so, and in the container, where `mountPropagation: Bidirectional` does.
 */
export function notShared(directory: string, table: readonly MountEntry[]): string | undefined {
  const holding = table
    .filter(({ target }) => target === '/' || directory === target || directory.startsWith(`${target}/`))
    .reduce<MountEntry | undefined>(
      (longest, entry) => (entry.target.length >= (longest?.target.length ?? 0) ? entry : longest),
      undefined,
    );
  if (holding === undefined || holding.propagation.some((tag) => tag.startsWith('shared:'))) return undefined;
  return (
    `mount ${holding.target}, which holds the kubelet's directory ${directory}, is not shared: volumes mounted here are seen by no pod; ` +
    'in the pod it needs mountPropagation: Bidirectional, on the host "mount --make-rshared /"'
  );
}
