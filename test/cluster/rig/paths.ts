import { join } from 'node:path';

/** Everything of the rig has one of these names, so that a tear-down finds it even when its state file is gone. */
export const REPOSITORY = join(import.meta.dirname, '../../..');
export const CACHE = join(REPOSITORY, '.cache/cluster');
/** Programs built from Go modules; kept from run to run. */
export const BIN = join(CACHE, 'bin');
/** Image archives and what they are made from; kept from run to run. */
export const IMAGES = join(CACHE, 'images');
/** What a running cluster keeps; removed at tear-down. Every process of the rig has it as its working directory. */
export const RUN = join(CACHE, 'run');
/** Logs of the last cluster; emptied when the next one comes up. */
export const LOGS = join(CACHE, 'logs');
export const STATE_FILE = join(CACHE, 'state.json');
export const KUBECONFIG = join(RUN, 'admin.kubeconfig');

export const BRIDGE = 'convoyrig0';
/** Network namespaces, and the machine's end of each node's cable: this and the node's number. */
export const NETNS_PREFIX = 'convoyrig-';
/** Directly below each cgroup hierarchy: this and the node's number. */
export const CGROUP_PREFIX = 'rig-';

export const MACHINE_ADDRESS = '10.200.0.1';
export const NETWORK_BITS = 24;
export const SERVICE_RANGE = '10.96.0.0/16';
/** Where pods find the API. */
export const API_SERVICE_ADDRESS = '10.96.0.1';
export const API_PORT = 6443;
export const API_URL = `https://${MACHINE_ADDRESS}:${API_PORT}`;

export const KUBERNETES_NAMESPACE = 'convoy-csi';
export const RELEASE = 'convoy-csi';
/** The image that pods of tests run: busybox, all applets. */
export const WORK_IMAGE = 'docker.io/library/busybox:1.36';
export const PAUSE_IMAGE = 'registry.k8s.io/pause:3.10';

/** Where on each node a test may put pools: on the node's root file system (ext4 here), and on an xfs with shared blocks. */
export const POOL_LOOP = '/srv/pool-loop';
export const POOL_XFS = '/srv/pool-xfs';
/** What of all nodes is one: directories of this machine that each node has at the same place, its shared file systems. */
export const SHARED = join(RUN, 'shared');
export const POOL_SHARED = '/srv/shared';
export const POOL_SHARED_A = '/srv/shared-a';

export const ZONE_LABEL = 'topology.kubernetes.io/zone';
/** What a node's kubelet registers it with. */
export const nodeZone = (number: number): string => (number <= 2 ? 'a' : 'b');

export const nodeName = (number: number): string => `node-${number}`;
export const nodeAddress = (number: number): string => `10.200.0.${10 + number}`;
export const podRange = (number: number): string => `10.244.${number}.0/24`;
/** Addresses and tokens are prepared for so many. */
export const MOST_NODES = 9;
