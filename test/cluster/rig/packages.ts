import { installDebianPackages } from '../../../scripts/lib/apt.ts';
import { lacks, lookAtMachine, onPath } from '../../../scripts/lib/machine.ts';

/** Commands that the cluster needs beyond those of the other tests, and the Debian package of each. */
const WANTED: Readonly<Record<string, string>> = {
  runc: 'runc',
  buildah: 'buildah',
  mmdebstrap: 'mmdebstrap',
  busybox: 'busybox-static',
  iptables: 'iptables',
  ip: 'iproute2',
  openssl: 'openssl',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  losetup: 'mount',
  'mkfs.xfs': 'xfsprogs',
  sysctl: 'procps',
  find: 'findutils',
};

/** Why no cluster can be had on this machine; undefined = it can, if the packages can be installed. */
export function clusterBlocked(): string | undefined {
  const machine = lookAtMachine();
  if (machine.go === undefined) return 'needs Go 1.26 or newer, to build Kubernetes';
  if (!machine.mounts || !machine.loops) return `needs root with mounts, loop devices and network namespaces: ${lacks(machine).join('; ')}`;
  return undefined;
}

/** Installs what is missing, saying so. Throws with what stays missing. */
export function ensureClusterPackages(say: (line: string) => void): void {
  const packages = missingPackages();
  if (packages.length === 0) return;
  if (!onPath('apt-get')) throw new Error(`missing, and no apt-get here to install them (names on Debian): ${packages.join(' ')}`);
  installDebianPackages(packages, say);
  const still = missingPackages();
  if (still.length > 0) throw new Error(`the test cluster needs the Debian packages ${still.join(', ')}, which apt-get did not install`);
}

const missingPackages = (): readonly string[] => [
  ...new Set(
    Object.entries(WANTED)
      .filter(([command]) => !onPath(command))
      .map(([, name]) => name),
  ),
];
