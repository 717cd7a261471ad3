import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PKI } from './certificates.ts';
import { BIN, CGROUP_PREFIX, PAUSE_IMAGE, podRange, RUN } from './paths.ts';

/** Where a node keeps what is on its disk, and the files that configure it. */
export const nodeDirectory = (number: number): string => join(RUN, 'nodes', String(number));
export const xfsImage = (number: number): string => join(nodeDirectory(number), 'pool-xfs.img');
export const containerdConfig = (number: number): string => join(nodeDirectory(number), 'containerd.toml');
export const kubeletConfig = (number: number): string => join(nodeDirectory(number), 'kubelet.json');

export function writeNodeConfig(number: number): void {
  const directory = nodeDirectory(number);
  const networks = join(directory, 'cni');
  mkdirSync(networks, { recursive: true });
  writeFileSync(join(networks, '10-rig.conflist'), json(podNetwork(number)));
  writeFileSync(containerdConfig(number), containerdToml(networks));
  writeFileSync(kubeletConfig(number), json(kubelet(number)));
}

function podNetwork(number: number): object {
  const ipam = { type: 'host-local', ranges: [[{ subnet: podRange(number) }]], routes: [{ dst: '0.0.0.0/0' }] };
  return { cniVersion: '1.0.0', name: 'rig', plugins: [{ type: 'ptp', ipMasq: false, ipam }] };
}

/** restrict_oom_score_adj: a container of a machine without CAP_SYS_RESOURCE cannot lower it, and runc would die of the try. */
function containerdToml(networks: string): string {
  return `version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${PAUSE_IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["${BIN}"]
  conf_dir = "${networks}"
[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "runc"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = false
`;
}

function kubelet(number: number): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: PKI.ca } },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${CGROUP_PREFIX}${number}`,
    cgroupsPerQOS: true,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    // There is no DNS server; with no address here each pod would get a warning event, and the machine's resolv.conf.
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    resolvConf: join(RUN, 'resolv.conf'),
    makeIPTablesUtilChains: false,
    volumePluginDir: '/var/lib/kubelet/volumeplugins',
    // All images are loaded by hand and could not be had again, and the machine's full disk is not the node's concern.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: { 'memory.available': '0%', 'nodefs.available': '0%', 'nodefs.inodesFree': '0%', 'imagefs.available': '0%' },
    // What tests wait for comes sooner: a pod that starts again, a volume's numbers, a mounted ConfigMap that changed.
    crashLoopBackOff: { maxContainerRestartPeriod: '5s' },
    volumeStatsAggPeriod: '5s',
    syncFrequency: '5s',
    logging: { verbosity: 2 },
  };
}

const json = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;
