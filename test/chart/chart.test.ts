import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { load } from 'js-yaml';
import { CHART, findHelm, runHelm } from '../../scripts/lib/helm.ts';
import { LOG_LEVELS } from '../../src/config/config.ts';
import { POOL_FIELDS } from '../../src/config/schema.ts';
import { DriverRegistry } from '../../src/convoy/registry.ts';
import { registerAll } from '../../src/drivers/all.ts';
import { METRICS } from '../../src/observe/metric-catalogue.ts';
import { ALL_ON, Doc, find, installed, type Json, NO_HELM, refusal, render, renderText } from './render.ts';

const readChart = (file: string): Doc => new Doc(load(readFileSync(join(CHART, file), 'utf8')) as Json);
const schema = new Doc(JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Json);
const registry = new DriverRegistry();
registerAll(registry);

describe('the chart and the code', () => {
  const pool = ['definitions', 'pool'] as const;

  it('have one version', () => {
    const { version } = JSON.parse(readFileSync(join(CHART, '../../package.json'), 'utf8')) as { version: string };
    const chart = readChart('Chart.yaml');
    assert.equal(chart.at('version'), version);
    assert.equal(chart.at('appVersion'), version);
  });

  it('have the same keys of a pool', () => {
    const keys = Object.keys(schema.at(...pool, 'properties') ?? {});
    assert.deepEqual(keys.sort(), [...Object.keys(POOL_FIELDS), 'hostPathType'].sort());
  });

  it('have the same drivers, with the same options', () => {
    assert.deepEqual(schema.at(...pool, 'properties', 'driver', 'enum'), registry.names());
    const options = Object.fromEntries(
      schema
        .list(...pool, 'allOf')
        .map((rule) => [
          rule.text('if', 'properties', 'driver', 'const'),
          Object.keys(rule.at('then', 'properties', 'options', 'properties') ?? {}).sort(),
        ]),
    );
    const known = registry.names().map((name) => [name, Object.keys(registry.get(name).description.options).sort()]);
    assert.deepEqual(options, Object.fromEntries(known));
  });

  it('have the same log levels', () => assert.deepEqual(schema.at('properties', 'logLevel', 'enum'), LOG_LEVELS));

  it('alert on metrics that exist, by labels that they have', () => {
    const rules = readChart('files/alerts.yaml').list('groups', 0, 'rules');
    assert.ok(rules.length > 0);
    for (const rule of rules) {
      const expression = rule.text('expr');
      const used = [...expression.matchAll(/\b(convoy_\w+)(?:\{(\w+)=)?/g)];
      assert.ok(used.length > 0, expression);
      for (const [, metric = '', label] of used) {
        const known: { readonly labels: readonly string[] } | undefined = METRICS[metric as keyof typeof METRICS];
        assert.ok(known !== undefined, `${rule.text('alert')} asks for ${metric}`);
        assert.ok(label === undefined || known.labels.includes(label), `${metric} has no label ${label}`);
      }
    }
  });
});

describe('values.yaml', () => {
  it('has every value of the schema', () => {
    const values = readChart('values.yaml');
    const missing = Object.keys(schema.at('properties') ?? {}).filter((key) => key !== 'global' && values.at(key) === undefined);
    assert.deepEqual(missing, []);
  });

  it('has a schema that takes no key but its own, at any depth', () => {
    const open: string[] = [];
    const look = (value: Json | undefined, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      const node = value as Readonly<Record<string, Json>>;
      if ('properties' in node && !path.endsWith('.if') && !path.endsWith('.then') && node['additionalProperties'] !== false)
        open.push(path);
      for (const [key, below] of Object.entries(node)) look(below, `${path}.${key}`);
    };
    look(schema.value, '');
    assert.deepEqual(open, []);
  });
});

describe('helm', { skip: NO_HELM }, () => {
  it('lints the chart, as it is and with everything on', () => {
    const lint = (values: string): string => runHelm(findHelm() ?? '', ['lint', '--strict', CHART, '--values', '-'], values);
    assert.match(lint(''), /0 chart\(s\) failed/);
    assert.match(lint(ALL_ON), /0 chart\(s\) failed/);
  });

  it('renders the same twice: no certificate, no random name', () => {
    for (const values of ['', ALL_ON]) assert.equal(renderText({ values }), renderText({ values }));
  });

  it('renders no object twice, and each in the namespace of the release', () => {
    for (const values of ['', ALL_ON]) {
      const docs = render({ values, namespace: 'elsewhere', release: 'mine' });
      assert.equal(new Set(docs.map((doc) => doc.id)).size, docs.length, docs.map((doc) => doc.id).join(' '));
      for (const doc of docs) {
        const clusterWide = /^(ClusterRole|ClusterRoleBinding|CSIDriver|StorageClass|VolumeSnapshotClass)\//.test(doc.id);
        assert.equal(doc.at('metadata', 'namespace'), clusterWide ? undefined : 'elsewhere', doc.id);
      }
    }
  });

  it('makes what a values file without anything promises', () => {
    const docs = installed(render({ args: ['--api-versions', 'snapshot.storage.k8s.io/v1'] }));
    const storageClass = find(docs, 'StorageClass/convoy');
    assert.equal(storageClass.at('provisioner'), 'csi.convoy-csi.org');
    assert.equal(storageClass.at('volumeBindingMode'), 'WaitForFirstConsumer');
    assert.equal(storageClass.at('allowVolumeExpansion'), true);
    assert.equal(storageClass.at('metadata', 'annotations'), undefined, 'not the default class unless asked');
    assert.equal(find(docs, 'VolumeSnapshotClass/convoy').at('driver'), 'csi.convoy-csi.org');
    assert.deepEqual(find(docs, 'CSIDriver/csi.convoy-csi.org').at('spec'), {
      attachRequired: false,
      podInfoOnMount: false,
      fsGroupPolicy: 'File',
      storageCapacity: true,
      seLinuxMount: false,
      requiresRepublish: false,
      volumeLifecycleModes: ['Persistent'],
    });
  });

  it('makes what the controller fills in without data, so that applying it again takes nothing away', () => {
    const docs = installed(render({ values: ALL_ON }));
    const made = docs.filter((doc) => /^(Secret|ConfigMap)\//.test(doc.id) && doc.at('data', 'config.yaml') === undefined);
    assert.deepEqual(made.map((doc) => doc.id).sort(), [
      'ConfigMap/convoy-csi-controller-certificate',
      'ConfigMap/convoy-csi-gone-nodes',
      'Secret/convoy-csi-controller-identity',
    ]);
    for (const doc of made) for (const key of ['data', 'stringData', 'binaryData']) assert.equal(doc.at(key), undefined, doc.id);
  });

  it('makes what is off by default when it is asked', () => {
    const kinds = (values: string): ReadonlySet<string> => new Set(installed(render({ values })).map((doc) => doc.text('kind')));
    const extra = ['PodDisruptionBudget', 'ServiceMonitor', 'PrometheusRule'];
    assert.deepEqual(
      extra.filter((kind) => kinds('').has(kind)),
      [],
    );
    assert.deepEqual(
      extra.filter((kind) => kinds(ALL_ON).has(kind)),
      extra,
    );
    assert.ok(!kinds('networkPolicy: {enabled: false}').has('NetworkPolicy'));

    const docs = render({ values: ALL_ON });
    assert.equal(find(docs, 'PodDisruptionBudget/convoy-csi-controller').at('spec', 'maxUnavailable'), 0);
    assert.equal(find(docs, 'StorageClass/one').at('metadata', 'annotations', 'storageclass.kubernetes.io/is-default-class'), 'true');
    const two = find(docs, 'StorageClass/two');
    assert.deepEqual(
      ['reclaimPolicy', 'volumeBindingMode', 'allowVolumeExpansion'].map((key) => two.at(key)),
      ['Retain', 'Immediate', false],
    );
    const image = find(docs, 'DaemonSet/convoy-csi-node').text('spec', 'template', 'spec', 'containers', 0, 'image');
    assert.equal(image, `ghcr.io/convoy-csi/convoy-csi@sha256:${'0'.repeat(64)}`);
    const monitored = find(docs, 'ServiceMonitor/convoy-csi').at('spec', 'selector', 'matchLabels', 'app.kubernetes.io/component');
    assert.equal(monitored, find(docs, 'Service/convoy-csi-metrics').at('metadata', 'labels', 'app.kubernetes.io/component'));
  });

  describe('snapshots', () => {
    const parts = (values: string, args: readonly string[] = []): boolean[] => {
      const text = renderText({ values, args: ['--no-hooks', ...args] });
      return [/kind: VolumeSnapshotClass/, /name: csi-snapshotter/, /snapshot\.storage\.k8s\.io/].map((part) => part.test(text));
    };
    const CRDS = ['--api-versions', 'snapshot.storage.k8s.io/v1'];
    const none = [false, false, false];
    const all = [true, true, true];

    it('auto: follow the cluster', () => {
      assert.deepEqual(parts(''), none);
      assert.deepEqual(parts('', CRDS), all);
    });
    it('always and never: do not', () => {
      assert.deepEqual(parts('snapshots: always'), all);
      assert.deepEqual(parts('snapshots: never', CRDS), none);
    });
    it('are explained when they are off', () => {
      const notes = (values: string): string =>
        runHelm(findHelm() ?? '', ['install', 'x', CHART, '--dry-run=client', '--values', '-'], values).split('\nNOTES:\n')[1] ?? '';
      assert.match(notes(''), /VolumeSnapshots are OFF: the cluster has no snapshot\.storage\.k8s\.io\/v1\. Install the snapshot CRDs/);
      assert.match(notes('snapshots: never'), /VolumeSnapshots are off \(snapshots: never\)/);
      assert.match(notes('snapshots: always'), /rollout status/);
      assert.doesNotMatch(notes('snapshots: always'), /VolumeSnapshots are/);
    });
  });

  describe('the hooks', () => {
    const hooks = (values: string): readonly string[] =>
      render({ values })
        .filter((doc) => doc.at('metadata', 'annotations', 'helm.sh/hook') !== undefined)
        .map((doc) => `${doc.text('metadata', 'annotations', 'helm.sh/hook')} ${doc.text('kind')}`);

    it('are a test and the look for volumes before an uninstall', () => {
      const rights = ['ServiceAccount', 'ConfigMap'];
      assert.deepEqual(
        hooks('').toSorted(),
        [
          ...[...rights, 'Role', 'RoleBinding', 'Pod'].map((kind) => `test ${kind}`),
          ...[...rights, 'ClusterRole', 'ClusterRoleBinding', 'Job'].map((kind) => `pre-delete ${kind}`),
        ].toSorted(),
      );
      assert.deepEqual(hooks('{helmTest: {enabled: false}, uninstall: {force: true}}'), []);
      assert.equal(hooks('{storageClasses: [], uninstall: {force: true}}').length, 0, 'without a class there is nothing to test');
    });

    it('may look at volumes, and remove none', () => {
      const role = find(render(), 'ClusterRole/convoy-csi-uninstall');
      assert.deepEqual([...new Set(role.list('rules').flatMap((rule) => rule.at('verbs') as readonly string[]))], ['list']);
    });

    it('carry the scripts whole', () => {
      const scripts = find(render(), 'ConfigMap/convoy-csi-test');
      for (const file of ['kube.mts', 'test.mts'])
        assert.equal(scripts.text('data', file).trimEnd(), readFileSync(join(CHART, 'files', file), 'utf8').trimEnd());
    });
  });

  it('keeps to its own alerts, as Prometheus will read them', () => {
    const rule = find(render({ values: 'prometheusRule: {enabled: true}' }), 'PrometheusRule/convoy-csi');
    assert.deepEqual(rule.at('spec'), readChart('files/alerts.yaml').value);
  });

  it('refuses two pools of one name and two drivers', () => {
    const group = (name: string, driver: string, key: string): string =>
      `- {name: ${name}, pools: [{name: p, driver: ${driver}, options: {${key}: /srv/p}}]}\n`;
    const message = refusal(`nodeGroups:\n${group('a', 'vfs', 'vfs.path')}${group('b', 'loop', 'loop.path')}`);
    assert.match(message, /pool "p" has driver vfs in one node group and loop in "b": a pool has the same driver on every node/);
  });
});
