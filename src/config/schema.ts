import * as z from 'zod/mini';
import { LOG_LEVELS } from './config.ts';

/**
 * The config file, key by key. The checker, its error texts and docs/parameters.md are all made from this table, so that
 * a key without a description or without its allowed values does not compile.
 */
export interface Field {
  readonly schema: z.ZodMiniType;
  /** Completes "…; allowed is/are …" of an error, and is the docs' type column. */
  readonly allowed: string;
  /** As written in YAML; '' = no default. */
  readonly default: string;
  readonly description: string;
  /** Of a map whose keys are not ours: what its values may be. */
  readonly values?: string;
}

const SIZE = 'bytes or a number with Ki, Mi, Gi, Ti or Pi, such as 10Gi';
const size = z.union([z.string(), z.int()]);
const text = z.string().check(z.minLength(1));
const labels = {
  schema: z.record(z.string(), z.string()),
  allowed: 'a map of label keys to label values of nodes',
  default: '{}',
  values: 'a label value in quotation marks',
} as const;

export const POOL_FIELDS = {
  name: {
    schema: z.string(),
    allowed: '1 to 20 of a-z, 0-9 and -, beginning with a letter, but not "global"',
    default: '',
    description: 'Name of the pool, unique on the node. It is part of every volume id, so it must never change.',
  },
  driver: { schema: text, allowed: 'the name of a driver', default: '', description: 'Driver that serves the pool.' },
  options: {
    schema: z.record(z.string(), z.union([z.string(), z.int(), z.boolean()])),
    allowed: "a map of the driver's own options to strings, whole numbers or booleans",
    default: '{}',
    description: "The driver's own options by wire name, such as `vfs.path`.",
    values: 'a string, a whole number or a boolean',
  },
  init: {
    schema: z.enum(['auto', 'manual']),
    allowed: 'auto, manual',
    default: 'manual',
    description:
      '`auto`: an empty place that this node never opened as this pool becomes one by itself. `manual`: only by `convoy pools init`.',
  },
  overcommit: {
    schema: z.number().check(z.gt(0), z.lte(1000)),
    allowed: 'a number above 0, up to 1000',
    default: '1',
    description: "Sizes promised to volumes and snapshots together stay within (the pool's size − 10 %) × this.",
  },
  thin: { schema: z.boolean(), allowed: 'true, false', default: 'false', description: 'Reserve no space ahead for volumes.' },
  onDelete: {
    schema: z.enum(['delete', 'retain']),
    allowed: 'delete, retain',
    default: 'delete',
    description: '`retain`: the data of a deleted volume or snapshot stays in the trash until an admin removes it.',
  },
  trashRetention: {
    schema: z.union([z.string(), z.int()]),
    allowed: 'seconds or a number with s, m, h or d, such as 24h, up to 3650d',
    default: "'0'",
    description: 'How long a deleted volume or snapshot can be brought back (`convoy volumes undelete`).',
  },
  defaultVolumeSize: {
    schema: size,
    allowed: SIZE,
    default: '',
    description: "Size of a volume for which none is asked; default: the driver's own.",
  },
  maxJobs: {
    schema: z.int().check(z.gte(1), z.lte(64)),
    allowed: 'a whole number from 1 to 64',
    default: '2',
    description: 'Copy jobs that run at once.',
  },
  bandwidth: {
    schema: size,
    allowed: `${SIZE}, at least 64Ki`,
    default: '',
    description: 'Bytes a second for the copy jobs of the pool together; default: unlimited.',
  },
  allowParameters: {
    schema: z.array(text),
    allowed: 'a list of parameter names',
    default: '[]',
    description: "Parameters of the driver that a StorageClass may set in this pool (Docker's `type`, `o`, `device` of `local`).",
  },
  segments: {
    ...labels,
    description:
      'Where a global pool is reached from, such as `{topology.kubernetes.io/zone: a}`: its volumes and snapshots have this topology. Default: from everywhere. A local pool has none.',
  },
} as const satisfies Record<string, Field>;

export const HTTP_FIELDS = {
  listen: {
    schema: z.string(),
    allowed: "HOST:PORT, or '' for none",
    default: '127.0.0.1:9808',
    description: 'Address of `/healthz`, `/readyz` and `/metrics`.',
  },
} as const satisfies Record<string, Field>;

export const LOG_FIELDS = {
  level: {
    schema: z.enum(LOG_LEVELS),
    allowed: LOG_LEVELS.join(', '),
    default: 'info',
    description: 'Least severe entries that are logged.',
  },
} as const satisfies Record<string, Field>;

export const KUBELET_FIELDS = {
  directory: {
    schema: text,
    allowed: 'an absolute path',
    default: '',
    description:
      "The kubelet's directory (`/var/lib/kubelet`), at the same path inside and outside the container. The node registers itself with the kubelet there.",
  },
} as const satisfies Record<string, Field>;

const file = (description: string): Field & { readonly schema: typeof text } => ({
  schema: text,
  allowed: 'an absolute path of a file',
  default: '',
  description,
});

export const AGENT_FIELDS = {
  listen: {
    schema: z.string(),
    allowed: 'HOST:PORT',
    default: "':9809'",
    description: 'Address where the node serves the controller, by mutual TLS 1.3.',
  },
  controllerCertificateFile: file(
    "PEM of the controller's client certificates that are trusted, or of their authority; read again when it changes.",
  ),
  tokenFile: file(
    "In Kubernetes: the node's projected service-account token, audience: the driver's name. The node's certificate is then self-made and never leaves its memory.",
  ),
  certificateFile: file(
    "Outside Kubernetes: PEM of the node's own server certificate; its subjectAltName names the node. Read again when it changes.",
  ),
  keyFile: file('Outside Kubernetes: PEM of its key.'),
} as const satisfies Record<string, Field>;

const object = (description: string): Field & { readonly schema: typeof text } => ({
  schema: text,
  allowed: 'the name of a Kubernetes object',
  default: '',
  description,
});

export const KUBERNETES_FIELDS = {
  namespace: object('Namespace of the driver.'),
  service: object('Headless Service of the node agents; its port is named `agent`.'),
  serviceAccount: object('ServiceAccount that the node agents run as, and nobody else.'),
  identitySecret: object("Secret of the controller's key, made empty by the chart; the controller fills and rotates it."),
  certificateConfigMap: object("ConfigMap of the controller's certificates, which agents mount; made empty by the chart."),
  goneNodesConfigMap: object('ConfigMap of the nodes that an admin declared gone; made empty by the chart.'),
  lease: object('Lease of the one controller that serves; a second stays unready.'),
} as const satisfies Record<string, Field>;

export const STATIC_AGENT_FIELDS = {
  node: { schema: text, allowed: 'the name of a node', default: '', description: 'Name of the node, as its `nodeId` says.' },
  address: { schema: text, allowed: 'HOST:PORT', default: '', description: 'Where its agent listens.' },
} as const satisfies Record<string, Field>;

export const CONTROLLER_FIELDS = {
  kubernetes: {
    schema: z.strictObject(
      shape(KUBERNETES_FIELDS, [
        'namespace',
        'service',
        'serviceAccount',
        'identitySecret',
        'certificateConfigMap',
        'goneNodesConfigMap',
        'lease',
      ]),
    ),
    allowed: 'a map',
    default: '',
    description: 'In Kubernetes: the objects that the controller works with. The chart sets them.',
  },
  agents: {
    schema: z.array(z.strictObject(shape(STATIC_AGENT_FIELDS, ['node', 'address']))),
    allowed: 'a list of agents',
    default: '',
    description: 'Outside Kubernetes: every node agent.',
  },
  certificateFile: file("Outside Kubernetes: PEM of the controller's client certificate; read again when it changes."),
  keyFile: file('Outside Kubernetes: PEM of its key.'),
  agentCaFile: file("Outside Kubernetes: PEM of the authority of the agents' certificates."),
} as const satisfies Record<string, Field>;

export const ROOT_FIELDS = {
  driverName: {
    schema: text,
    allowed: 'a domain name of up to 63 characters (CSI, GetPluginInfo)',
    default: 'csi.convoy-csi.org',
    description: 'CSI plugin name: the `provisioner` of StorageClasses.',
  },
  nodeId: {
    schema: text,
    allowed: 'a host name of up to 253 characters',
    default: '',
    description: 'Name of this node; default: the host name. Local pools belong to the node that made them, so it must never change.',
  },
  root: {
    schema: text,
    allowed: 'an absolute path',
    default: '/var/lib/convoy',
    description: "Where convoy keeps its own state. Volumes' data is in the pools.",
  },
  endpoint: {
    schema: text,
    allowed: 'unix:// and an absolute path that ends in .sock, such as unix:///run/convoy/csi.sock',
    default: 'unix:///run/convoy/csi.sock',
    description: 'Socket of the CSI services and of the `convoy` command.',
  },
  defaultPool: {
    schema: text,
    allowed: 'the name of a configured pool',
    default: '',
    description: 'Pool of volumes that name none; default: the only pool, if there is one only.',
  },
  topology: {
    ...labels,
    description:
      "Where this node is, beside the driver's own key: labels of its Node object, with their values. Told to Kubernetes (NodeGetInfo), for global pools with `segments`. Merged with `CONVOY_TOPOLOGY`. Not for role `controller`.",
  },
  http: {
    schema: z.strictObject(shape(HTTP_FIELDS)),
    allowed: 'a map',
    default: '',
    description: 'The HTTP server for probes and metrics.',
  },
  kubelet: {
    schema: z.strictObject(shape(KUBELET_FIELDS, ['directory'])),
    allowed: 'a map',
    default: '',
    description: 'The kubelet that the node registers itself with; none outside Kubernetes.',
  },
  agent: {
    schema: z.strictObject(shape(AGENT_FIELDS)),
    allowed: 'a map',
    default: '',
    description: 'What role `node` serves to the controller. Other roles leave it alone.',
  },
  controller: {
    schema: z.strictObject(shape(CONTROLLER_FIELDS)),
    allowed: 'a map',
    default: '',
    description: 'How role `controller` finds the node agents and proves who is who. Other roles leave it alone.',
  },
  log: { schema: z.strictObject(shape(LOG_FIELDS)), allowed: 'a map', default: '', description: 'Logging, as JSON lines on stdout.' },
  pools: {
    schema: z.array(z.strictObject(shape(POOL_FIELDS, ['name', 'driver']))),
    allowed: 'a list of pools',
    default: '',
    description: 'The storage that is served.',
  },
} as const satisfies Record<string, Field>;

/** Every table by the path of the map that it describes, list indexes left out: for error texts and the docs. */
export const FIELD_TABLES: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  '': ROOT_FIELDS,
  http: HTTP_FIELDS,
  log: LOG_FIELDS,
  kubelet: KUBELET_FIELDS,
  agent: AGENT_FIELDS,
  controller: CONTROLLER_FIELDS,
  'controller.kubernetes': KUBERNETES_FIELDS,
  'controller.agents': STATIC_AGENT_FIELDS,
  pools: POOL_FIELDS,
};

/** The tables of lists. */
export const LIST_TABLES: ReadonlySet<string> = new Set(['controller.agents', 'pools']);

export const configSchema = z.strictObject(shape(ROOT_FIELDS));
export type ConfigFile = z.infer<typeof configSchema>;
export type PoolFile = NonNullable<ConfigFile['pools']>[number];

type Shape<F extends Record<string, Field>, R extends keyof F> = {
  [K in keyof F]: K extends R ? F[K]['schema'] : z.ZodMiniOptional<F[K]['schema']>;
};

/** The zod shape of a table of fields, all optional but the `required` ones. */
function shape<F extends Record<string, Field>, R extends keyof F & string = never>(fields: F, required: readonly R[] = []): Shape<F, R> {
  const entries = Object.entries(fields).map(([key, field]) => [
    key,
    (required as readonly string[]).includes(key) ? field.schema : z.optional(field.schema),
  ]);
  return Object.fromEntries(entries) as Shape<F, R>;
}
