import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { dump } from 'js-yaml';
import { ALL_ON, documents, find, NO_HELM, renderText } from '../chart/render.ts';
import { moduleDirectory } from '../cluster/build-tools.ts';
import { type ApiServer, BIN, startApiServer, whyNoApiServer } from './api-server.ts';
import { makeNamespace } from './cluster-objects.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const SNAPSHOT_CRDS = ['snapshot.storage.k8s.io_volumesnapshotclasses.yaml'];
const MONITORING_CRDS = ['monitoring.coreos.com_servicemonitors.yaml', 'monitoring.coreos.com_prometheusrules.yaml'];
const MONITORING = 'serviceMonitor: {enabled: true}\nprometheusRule: {enabled: true}\n';
const GLOBAL = 'pools: [{name: shared, driver: vfs, options: {vfs.path: /mnt/shared, vfs.scope: global}}]\n';
const GROUPS = `nodeGroups:
  - {name: fast, nodeSelector: {disk: nvme}, pools: [{name: nvme, driver: loop, options: {loop.path: /mnt/nvme, loop.requiremount: true}}]}
  - {name: rest, nodeSelector: {disk: none}}
defaultPool: nvme
`;

describe('what the chart makes, for a real API server', { skip: whyNoApiServer(['kubectl', 'check-rules']) || NO_HELM }, () => {
  let server: ApiServer;
  let cache: string;
  before(async () => {
    cache = mkdtempSync(join(tmpdir(), 'convoy-kubectl-'));
    server = await startApiServer();
    await makeNamespace(server.admin);
    const crds = [
      ...SNAPSHOT_CRDS.map((file) =>
        join(moduleDirectory('tools', 'github.com/kubernetes-csi/external-snapshotter/client/v8'), 'config/crd', file),
      ),
      ...MONITORING_CRDS.map((file) =>
        join(
          moduleDirectory('tools-monitoring', 'github.com/prometheus-operator/prometheus-operator'),
          'example/prometheus-operator-crd',
          file,
        ),
      ),
    ].map((file) => `--filename=${file}`);
    for (const args of [
      ['apply', '--server-side', ...crds],
      ['wait', '--for=condition=Established', '--timeout=30s', ...crds],
    ]) {
      const { problems } = kubectl(args);
      assert.equal(problems, '');
    }
  });
  after(async () => {
    await server.close();
    rmSync(cache, { recursive: true });
  });

  const kubectl = (args: readonly string[], input = ''): { readonly done: readonly string[]; readonly problems: string } => {
    const flags = [`--kubeconfig=${server.kubeconfig('admin')}`, `--cache-dir=${cache}`];
    const { error, status, stdout, stderr } = spawnSync(join(BIN, 'kubectl'), [...flags, ...args], { encoding: 'utf8', input });
    if (error !== undefined) throw error;
    return {
      done: stdout.split('\n').filter((line) => line !== ''),
      problems: status === 0 ? '' : stderr.trim() || `exit status ${status}`,
    };
  };
  /** Nothing is kept; unknown fields are errors. */
  const apply = (manifests: string): ReturnType<typeof kubectl> =>
    kubectl(['apply', '--server-side', '--dry-run=server', '--validate=strict', '--filename=-'], manifests);
  const accepts = (manifests: string): void => {
    const { done, problems } = apply(manifests);
    assert.equal(problems, '');
    assert.equal(done.length, documents(manifests).length, 'every object was looked at');
  };

  for (const [what, values, args] of [
    ['by default', '', []],
    ['by default where there are snapshots', '', ['--api-versions', 'snapshot.storage.k8s.io/v1']],
    ['with all that can be switched on', ALL_ON, []],
    ['for monitoring', MONITORING, []],
    ['with a global pool', GLOBAL, []],
    ['with groups of nodes', GROUPS, []],
  ] as const)
    it(`is accepted ${what}`, () => accepts(renderText({ values, args })));

  for (const file of readdirSync(DEPLOY).filter((name) => name.endsWith('.yaml')))
    it(`is accepted as deploy/${file}`, () => accepts(readFileSync(join(DEPLOY, file), 'utf8')));

  const wrong = (manifests: string, from: string, to: string): string => {
    assert.ok(manifests.includes(from), `nothing renders ${from}`);
    return manifests.replace(from, to);
  };
  for (const [what, from, to, path] of [
    ['of a ServiceMonitor', 'sourceLabels:', 'sourceLabel:', '.spec.endpoints[0].relabelings[0].sourceLabel'],
    [
      'of a PrometheusRule',
      'annotations:\n            summary',
      'annotation:\n            summary',
      '.spec.groups[name="convoy-csi"].rules[0].annotation',
    ],
    ['of a DaemonSet', 'updateStrategy:', 'updateStrategies:', '.spec.updateStrategies'],
    ['of a class of snapshots', 'deletionPolicy:', 'deletePolicy:', '.deletePolicy'],
  ] as const)
    it(`is refused for a wrong field ${what}`, () => {
      const manifests = renderText({ values: `${MONITORING}snapshots: always\n` });
      assert.match(apply(wrong(manifests, from, to)).problems, new RegExp(`: ${RegExp.escape(path)}: field not declared in schema$`));
    });

  it('is refused for a duration that Prometheus does not have', () => {
    assert.match(apply(wrong(renderText({ values: MONITORING }), 'for: 5m', 'for: 5x')).problems, /spec\.groups\[0\]\.rules\[0\]\.for/);
  });

  /** What Prometheus itself says of the rules. */
  const rules = (change: (text: string) => string = (text) => text): string => {
    const groups = find(documents(renderText({ values: MONITORING })), 'PrometheusRule/convoy-csi').at('spec', 'groups');
    assert.ok(Array.isArray(groups) && groups.length > 0);
    const { error, status, stdout } = spawnSync(join(BIN, 'check-rules'), { encoding: 'utf8', input: change(dump({ groups })) });
    if (error !== undefined) throw error;
    assert.equal(status === 0, stdout === '', stdout);
    return stdout;
  };

  it('alerts by rules that Prometheus can read', () => assert.equal(rules(), ''));

  for (const [what, from, to, message] of [
    ['expression', 'convoy_pool_open == 0', 'convoy_pool_open = 0', /could not parse expression: .*"="/],
    ['function of an expression', 'increase(', 'increased(', /unknown function with name "increased"/],
    ['template of a text', '{{ $labels.pool }}', '{{ $labels.pool }', /annotation "summary": template: .*unexpected "}"/],
    ['variable of a text', '{{ $labels.pool }}', '{{ $label.pool }}', /undefined variable "\$label"/],
  ] as const)
    it(`has its rules refused for a broken ${what}`, () =>
      assert.match(
        rules((text) => wrong(text, from, to)),
        message,
      ));
});
