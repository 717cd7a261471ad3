import { WORK_IMAGE } from '../../rig/paths.ts';
import type { KubeObject } from './api.ts';

/** The objects that the cases make and look at, with the fields that they look at. */
export interface Claim extends KubeObject {
  readonly spec: { readonly volumeName?: string; readonly storageClassName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly capacity?: { readonly storage?: string };
    readonly conditions?: readonly { readonly type: string; readonly message?: string }[];
    readonly allocatedResourceStatuses?: Readonly<Record<string, string>>;
  };
}

export interface Volume extends KubeObject {
  readonly spec: {
    readonly capacity: { readonly storage: string };
    readonly persistentVolumeReclaimPolicy: string;
    readonly claimRef?: { readonly namespace: string; readonly name: string };
    readonly csi?: { readonly driver: string; readonly volumeHandle: string; readonly volumeAttributes?: Readonly<Record<string, string>> };
    readonly nodeAffinity?: {
      readonly required?: {
        readonly nodeSelectorTerms: readonly {
          readonly matchExpressions?: readonly { readonly key: string; readonly values?: readonly string[] }[];
        }[];
      };
    };
  };
  readonly status?: { readonly phase?: string };
}

export interface Pod extends KubeObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly volumes?: readonly { readonly persistentVolumeClaim?: { readonly claimName: string } }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

export interface Snapshot extends KubeObject {
  readonly status?: {
    readonly readyToUse?: boolean;
    readonly boundVolumeSnapshotContentName?: string;
    readonly restoreSize?: string;
    readonly error?: { readonly message?: string };
  };
}

export interface SnapshotContent extends KubeObject {
  readonly spec: {
    readonly driver: string;
    readonly deletionPolicy: string;
    readonly volumeSnapshotRef: { readonly namespace?: string; readonly name?: string };
  };
  readonly status?: { readonly snapshotHandle?: string; readonly readyToUse?: boolean };
}

export interface CapacityObject extends KubeObject {
  readonly storageClassName: string;
  readonly nodeTopology?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly capacity?: string;
  readonly maximumVolumeSize?: string;
}

export interface KubeEvent extends KubeObject {
  readonly involvedObject: { readonly kind: string; readonly name: string; readonly namespace?: string };
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count?: number;
}

export interface ClaimOptions {
  /** '' = none: a claim for a volume that an admin made. */
  readonly storageClass: string;
  /** Default 64Mi. */
  readonly size?: string;
  readonly block?: boolean;
  /** Default ReadWriteOnce. */
  readonly mode?: string;
  /** Name of the VolumeSnapshot or claim that it begins as. */
  readonly snapshot?: string;
  readonly clone?: string;
  readonly volumeName?: string;
}

export interface PodOptions {
  /** By mount path: a claim's name, or with readOnly as the pod's volume says it. */
  readonly claims?: Readonly<Record<string, string | { readonly claim: string; readonly readOnly: boolean }>>;
  /** Raw block claims, by the path of the device in the pod. */
  readonly devices?: Readonly<Record<string, string>>;
  /** Generic ephemeral volumes, by mount path. */
  readonly ephemeral?: Readonly<Record<string, ClaimOptions>>;
  /** The scheduler must take, or rather takes, this node. */
  readonly node?: string;
  readonly prefers?: string;
  readonly user?: number;
  readonly fsGroup?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export const HOST_LABEL = 'kubernetes.io/hostname';

export function claimSpec({
  storageClass,
  size = '64Mi',
  block,
  mode = 'ReadWriteOnce',
  snapshot,
  clone,
  volumeName,
}: ClaimOptions): object {
  return {
    accessModes: [mode],
    storageClassName: storageClass,
    resources: { requests: { storage: size } },
    ...(block === true ? { volumeMode: 'Block' } : {}),
    ...(snapshot === undefined ? {} : { dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: snapshot } }),
    ...(clone === undefined ? {} : { dataSource: { kind: 'PersistentVolumeClaim', name: clone } }),
    ...(volumeName === undefined ? {} : { volumeName }),
  };
}

/** A pod that does nothing until it is told to by `exec`. */
export function podSpec({ claims = {}, devices = {}, ephemeral = {}, node, prefers, user, fsGroup }: PodOptions): object {
  const volumes: object[] = [];
  const add = (volume: object): string => {
    const name = `volume-${volumes.length}`;
    volumes.push({ name, ...volume });
    return name;
  };
  const claimed = Object.entries(claims).map(([mountPath, claim]) => {
    const { claim: claimName, readOnly } = typeof claim === 'string' ? { claim, readOnly: false } : claim;
    return { mountPath, name: add({ persistentVolumeClaim: { claimName, readOnly } }) };
  });
  const inline = Object.entries(ephemeral).map(([mountPath, options]) => {
    return { mountPath, name: add({ ephemeral: { volumeClaimTemplate: { spec: claimSpec(options) } } }) };
  });
  const raw = Object.entries(devices).map(([devicePath, claimName]) => ({
    devicePath,
    name: add({ persistentVolumeClaim: { claimName } }),
  }));
  return {
    // Not 0: that is a force delete, after which the object is gone before the kubelet has unmounted.
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      ...(user === undefined ? {} : { runAsUser: user, runAsGroup: user }),
      ...(fsGroup === undefined ? {} : { fsGroup }),
    },
    ...(node === undefined ? {} : { nodeSelector: { [HOST_LABEL]: node } }),
    ...(prefers === undefined ? {} : { affinity: preferring(prefers) }),
    containers: [
      {
        name: 'work',
        image: WORK_IMAGE,
        imagePullPolicy: 'Never',
        command: ['sh', '-c', 'trap exit TERM; sleep 100000 & wait'],
        volumeMounts: [...claimed, ...inline],
        volumeDevices: raw,
      },
    ],
    volumes,
  };
}

function preferring(node: string): object {
  const preference = { matchExpressions: [{ key: HOST_LABEL, operator: 'In', values: [node] }] };
  return { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }] } };
}
