import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, loadAll } from 'js-yaml';
import { type Field, POOL_FIELDS } from '../src/config/schema.ts';
import { code, table } from './lib/markdown.ts';

/** What the documentation says of the chart, from the chart: its values, and what it renders (deploy/, which a test keeps in step). */
const ROOT = join(import.meta.dirname, '..');
const CHART = 'charts/convoy-csi';
const RENDERED = 'deploy/convoy-csi-with-snapshots.yaml';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** What Kubernetes describes better than we could: one row, and no rows for what is inside. */
const KUBERNETES = new Set(['resources', 'tolerations', 'affinity', 'labels']);
/** Lists whose items have keys of the chart's own. */
const LISTS = new Set(['nodeGroups', 'pools', 'storageClasses', 'volumeSnapshotClasses']);
/** A value of Helm's, not of the chart's. */
const LEFT_OUT = new Set(['global']);

/** Of keys that mean the same wherever they stand, or that Kubernetes defines. */
const MEANING: Readonly<Record<string, string | undefined>> = {
  repository: 'Where the image is, without a tag.',
  tag: 'Its tag.',
  digest: '`sha256:…`; wins over the tag.',
  pullPolicy: 'As of a container.',
  resources: 'As of a container.',
  tolerations: 'As of a pod.',
  affinity: 'As of a pod.',
  extraArgs: 'Further flags of the sidecar. Three that break the driver are refused.',
  'image.tag': "Its tag; default: the chart's appVersion.",
  'sidecars.*.logLevel': 'Verbosity (`--v`).',
  'pools[].hostPathType':
    "The chart's own: what to do with a node that lacks the directory. `Directory`: its pod waits and says so. `DirectoryOrCreate`: it is made.",
  'nodeGroups[].name': 'Name of the group; the DaemonSet is named after it.',
  'nodeGroups[].nodeSelector': 'Nodes of the group. No node may match two groups.',
  'nodeGroups[].tolerations': 'Default: `node.tolerations`.',
  'nodeGroups[].affinity': 'Default: `node.affinity`.',
  'nodeGroups[].pools': 'As `pools`; default: `pools`.',
  'storageClasses[].default': "`true`: the cluster's default class.",
  'storageClasses[].parameters': 'See [StorageClass](parameters.md#storageclass).',
  'storageClasses[].reclaimPolicy': 'Default: Delete.',
  'storageClasses[].volumeBindingMode': 'Default: WaitForFirstConsumer. See [topology](topology.md).',
  'storageClasses[].allowVolumeExpansion': 'Default: true.',
  'storageClasses[].mountOptions': 'See [mount options](parameters.md#mount-options).',
  'storageClasses[].allowedTopologies': 'Nodes for its volumes. See [topology](topology.md#allowedtopologies).',
  'volumeSnapshotClasses[].default': "`true`: the driver's default class.",
  'volumeSnapshotClasses[].deletionPolicy': 'Default: Delete.',
  'volumeSnapshotClasses[].parameters': 'See [VolumeSnapshotClass](parameters.md#volumesnapshotclass).',
  '*[].name': 'Its name.',
  '*[].annotations': 'Its annotations.',
  '*[].labels': 'Its labels.',
};

/** Every value that a user can set. Throws for one that nobody described. */
export function valuesTable(): string {
  const defaults: unknown = load(read(`${CHART}/values.yaml`));
  const rows = [...leaves()].map(({ path, schema, isList }) => {
    const field = poolField(path);
    if (field !== undefined) return [code(path), field.allowed, field.default === '' ? '' : code(field.default), field.description];
    return [code(path), allowed(schema), defaultOf(defaults, path, isList), meaningOf(path, schema)];
  });
  return table(['value', 'allowed', 'default', 'meaning'], rows);
}

interface Leaf {
  readonly path: string;
  readonly schema: Schema;
  /** Its items have keys of the chart's own, which follow as leaves. */
  readonly isList: boolean;
}

/** In the order of the schema. */
function* leaves(): Generator<Leaf> {
  const root = JSON.parse(read(`${CHART}/values.schema.json`)) as Schema & { readonly definitions: Readonly<Record<string, Schema>> };
  const resolve = ({ $ref, ...own }: Schema): Schema => ({ ...root.definitions[$ref?.split('/').at(-1) ?? ''], ...own });
  function* below(prefix: string, properties: Schema['properties'] = {}): Generator<Leaf> {
    for (const [name, found] of Object.entries(properties)) {
      const schema = resolve(found);
      const path = prefix + name;
      if (schema.properties !== undefined && !KUBERNETES.has(name)) {
        yield* below(`${path}.`, schema.properties);
        continue;
      }
      const isList = LISTS.has(path);
      yield { path, schema, isList };
      if (isList) yield* below(`${path}[].`, resolve(schema.items ?? {}).properties);
    }
  }
  for (const leaf of below('', root.properties)) if (!LEFT_OUT.has(leaf.path)) yield leaf;
}

function allowed({ enum: values, type }: Schema): string {
  if (values !== undefined) return values.map(String).join(', ');
  return ((typeof type === 'string' ? [type] : type) ?? []).map((name) => TYPES[name] ?? name).join(' or ');
}

const TYPES: Readonly<Record<string, string>> = { object: 'a map', array: 'a list', integer: 'a whole number', boolean: 'true, false' };

/** A pool's keys are those of the config file, but one. */
function poolField(path: string): Field | undefined {
  const key = /^pools\[\]\.(\w+)$/.exec(path)?.[1];
  return key === undefined ? undefined : (POOL_FIELDS as Readonly<Record<string, Field | undefined>>)[key];
}

function meaningOf(path: string, { description }: Schema): string {
  const general = [path.replace(/^[^[]+\[\]/, '*[]'), path.replace(/^(sidecars)\.\w+\./, '$1.*.'), path.split('.').at(-1) ?? ''];
  const meaning = MEANING[path] ?? description ?? general.map((key) => MEANING[key]).find((found) => found !== undefined);
  if (meaning === undefined) throw new Error(`${CHART}/values.schema.json: ${path} has no description`);
  return meaning;
}

/** Of a list with keys of its own nothing: it stands in values.yaml, and in the text above the table. */
function defaultOf(values: unknown, path: string, isList: boolean): string {
  const found = path
    .split('.')
    .reduce<unknown>((at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined), values);
  if (found === undefined || (isList && Array.isArray(found) && found.length > 0)) return '';
  return code(typeof found === 'string' ? found || "''" : flow(found));
}

/** As YAML in one line. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${key}: ${flow(inner)}`)
    .join(', ')}}`;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}
interface Rendered {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string };
  readonly rules?: readonly Rule[];
}

/** What each container of the controller's pod may do on the API server. The nodes' ServiceAccount may nothing. */
export function rbacTable(): string {
  const rows = documents().flatMap((text) => {
    const { kind, metadata, rules } = (load(text) ?? {}) as Rendered;
    if (kind !== 'ClusterRole' && kind !== 'Role') return [];
    const why = commentsOfRules(text);
    const who = code(metadata?.name?.replace(/^.*-/, '') ?? '');
    const where = kind === 'Role' ? 'its namespace' : 'the cluster';
    return (rules ?? []).map((rule, index) => [who, where, resourcesOf(rule), rule.verbs.join(', '), why[index] ?? '']);
  });
  if (rows.length === 0) throw new Error(`${RENDERED} has no roles`);
  return table(['container', 'where', 'what', 'verbs', 'why'], rows);
}

function documents(): readonly string[] {
  return read(RENDERED)
    .split(/^---$/m)
    .filter((text) => loadAll(text).length > 0);
}

function resourcesOf({ apiGroups, resources, resourceNames }: Rule): string {
  const [group = ''] = apiGroups;
  const names = resources.map((resource) => code(group === '' ? resource : `${resource}.${group}`)).join(', ');
  return resourceNames === undefined ? names : `${names} named ${resourceNames.map(code).join(', ')}`;
}

/** The comment above each rule, in the order of the rules. */
function commentsOfRules(text: string): readonly string[] {
  const found: string[] = [];
  let comment: string[] = [];
  for (const line of text.slice(text.indexOf('\nrules:')).split('\n')) {
    const said = /^ {2}# (.*)$/.exec(line)?.[1];
    if (said !== undefined) comment.push(said);
    if (!line.startsWith('  - ')) continue;
    found.push(comment.join(' '));
    comment = [];
  }
  return found;
}

/** Every image that a cluster needs, one a line: what a mirror must have. */
export function chartImages(): string {
  const images = [...read(RENDERED).matchAll(/^\s*(?:- )?image: (\S+)$/gm)].map(([, image = '']) => image);
  if (images.length === 0) throw new Error(`${RENDERED} names no image`);
  return ['```text', ...[...new Set(images)].sort(), '```'].join('\n');
}

interface Alerts {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly for?: string;
      readonly labels?: { readonly severity?: string };
    }[];
  }[];
}

/** The alerts that the chart offers. */
export function alertTable(): string {
  const { groups } = load(read(`${CHART}/files/alerts.yaml`)) as Alerts;
  const rows = groups.flatMap(({ rules }) =>
    rules.map(({ alert, expr, for: holds, labels }) => [alert, code(expr), holds ?? '', labels?.severity ?? '']),
  );
  return table(['alert', 'expression', 'for', 'severity'], rows);
}
