import assert from 'node:assert/strict';
import { loadAll } from 'js-yaml';
import { findHelm, template } from '../../scripts/lib/helm.ts';

const helm = findHelm();
/** For `describe`: false, or why it is left out. */
export const NO_HELM = helm === undefined ? 'needs helm: npm run cluster builds it, or name one by HELM' : false;

/** Everything that a value can switch on. */
export const ALL_ON = `
snapshots: always
commonLabels: {team: storage}
imagePullSecrets: [{name: mine}]
image: {digest: 'sha256:${'0'.repeat(64)}'}
controller:
  podAnnotations: {a: b}
  podLabels: {c: d}
  nodeSelector: {role: infra}
  tolerations: [{key: infra, operator: Exists, effect: NoSchedule}]
  affinity: {nodeAffinity: {}}
  podDisruptionBudget: {enabled: true, maxUnavailable: 0}
node: {podAnnotations: {a: b}, podLabels: {c: d}}
storageClasses:
  - {name: one, default: true, parameters: {pool: default, consistency: files}, mountOptions: [noatime], annotations: {a: b}, labels: {c: d}}
  - name: two
    reclaimPolicy: Retain
    volumeBindingMode: Immediate
    allowVolumeExpansion: false
    allowedTopologies: [{matchLabelExpressions: [{key: csi.convoy-csi.org/node, values: [a, b]}]}]
volumeSnapshotClasses: [{name: one, default: true, deletionPolicy: Retain, parameters: {consistency: files}}]
features: {secrets: true}
networkPolicy: {metricsFrom: [{namespaceSelector: {matchLabels: {name: monitoring}}}]}
serviceMonitor: {enabled: true, labels: {release: prometheus}}
prometheusRule: {enabled: true, labels: {release: prometheus}}
`;

export interface RenderOptions {
  readonly values?: string;
  readonly release?: string;
  readonly namespace?: string;
  readonly args?: readonly string[];
}

export function renderText({ values = '', release = 'convoy-csi', namespace = 'convoy-csi', args = [] }: RenderOptions = {}): string {
  assert.ok(helm !== undefined, 'skipped without helm');
  return template(helm, { release, namespace, args: ['--values', '-', ...args], input: values });
}

/** The message of a render that must fail. */
export function refusal(values: string): string {
  try {
    renderText({ values });
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message;
  }
  return assert.fail('it was rendered');
}

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A rendered document, looked into by path. A path that is not there is undefined. */
export class Doc {
  readonly value: Json;

  constructor(value: Json) {
    this.value = value;
  }

  at(...path: readonly (string | number)[]): Json | undefined {
    return path.reduce<Json | undefined>((value, key) => child(value, key), this.value);
  }

  text(...path: readonly (string | number)[]): string {
    const found = this.at(...path);
    assert.ok(typeof found === 'string', `${path.join('.')} of ${JSON.stringify(this.value).slice(0, 200)}`);
    return found;
  }

  /** The entries of a list; a list that is not there is empty. */
  list(...path: readonly (string | number)[]): readonly Doc[] {
    const found = this.at(...path);
    return Array.isArray(found) ? found.map((entry: Json) => new Doc(entry)) : [];
  }

  named(name: string, ...path: readonly (string | number)[]): Doc {
    const found = this.list(...path).find((entry) => entry.at('name') === name);
    return (
      found ?? assert.fail(`${path.join('.')} has no ${name}, only ${JSON.stringify(this.list(...path).map((entry) => entry.at('name')))}`)
    );
  }

  get id(): string {
    return `${this.text('kind')}/${this.text('metadata', 'name')}`;
  }
}

function child(value: Json | undefined, key: string | number): Json | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string | number, Json>>)[key];
}

export function render(options: RenderOptions = {}): readonly Doc[] {
  return documents(renderText(options));
}

export const documents = (text: string): readonly Doc[] =>
  (loadAll(text) as Json[]).filter((value) => value !== null).map((value) => new Doc(value));

export function find(docs: readonly Doc[], id: string): Doc {
  return docs.find((doc) => doc.id === id) ?? assert.fail(`there is no ${id}, only ${docs.map((doc) => doc.id).join(', ')}`);
}

/** Without helm's hooks. */
export const installed = (docs: readonly Doc[]): readonly Doc[] =>
  docs.filter((doc) => doc.at('metadata', 'annotations', 'helm.sh/hook') === undefined);
