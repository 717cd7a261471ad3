/** Constants that leave the process, each with who reads it. */

/** CSI plugin name unless configured: GetPluginInfo, the CSIDriver object, the topology key. */
export const DEFAULT_DRIVER_NAME = 'csi.convoy-csi.org';
/** Where state is kept unless `--root` says otherwise. */
export const DEFAULT_ROOT = '/var/lib/convoy';
/** The socket outside a cluster. */
export const DEFAULT_ENDPOINT = 'unix:///run/convoy/csi.sock';

/** Topology key of node-local pools: `<driver>/node`. Read by the scheduler and by `allowedTopologies`. */
export const topologyKey = (driverName: string): string => `${driverName}/node`;

/** gRPC trailer that carries an ErrorCode where both ends are ours: the admin service, the controller's channel to an agent. */
export const CODE_TRAILER = 'convoy-code';

/** What is wrong with a requirement of zones and other keys alone: local volumes are on nodes. */
export const NO_NODE_NAMED =
  "accessibility_requirements name no node: in allowedTopologies use the driver's own key, <driver>/node (for zones, the pod's nodeSelector)";

/** StorageClass and VolumeSnapshotClass parameter keys of our own (docs/parameters.md). */
export const PARAMETER = {
  pool: 'pool',
  consistency: 'consistency',
} as const;

/** Prefixes of parameter keys that the sidecars add and that never count as parameters of ours. */
export const SIDECAR_PARAMETER_PREFIXES = ['csi.storage.k8s.io/', 'storage.kubernetes.io/'] as const;

/** Keys of the volume_context that a created volume carries; read by users and by NodeStage. */
export const CONTEXT = {
  pool: 'pool',
  driver: 'driver',
  sizeEnforced: 'sizeEnforced',
} as const;
