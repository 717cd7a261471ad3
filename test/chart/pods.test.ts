import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { container, controller, hostPaths, load, node } from './pod.ts';
import { ALL_ON, find, type Json, NO_HELM, render } from './render.ts';

const GROUPS = `
defaultPool: nvme
nodeGroups:
  - name: fast
    nodeSelector: {disk: nvme}
    tolerations: []
    pools:
      - {name: nvme, driver: loop, options: {loop.path: /mnt/nvme/, loop.requiremount: true}, defaultVolumeSize: 10737418240, overcommit: 1.5}
      - {name: docker, driver: local, options: {local.path: /srv/docker}, hostPathType: DirectoryOrCreate}
  - name: slow
    pools:
      - {name: hdd, driver: vfs, options: {vfs.path: /mnt/hdd}}
`;

describe('the node pod', { skip: NO_HELM }, () => {
  const docs = NO_HELM === false ? render() : [];

  it('is one privileged container, with nothing else of the host than files', () => {
    const pod = node(docs);
    assert.equal(pod.list('containers').length, 1);
    assert.equal(pod.at('initContainers'), undefined);
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) assert.equal(pod.at(key), undefined, key);
    assert.deepEqual(container(pod).at('securityContext'), { privileged: true, readOnlyRootFilesystem: true, runAsUser: 0 });
    assert.deepEqual(hostPaths(pod), [
      '/dev None Directory',
      '/var/lib/convoy HostToContainer DirectoryOrCreate',
      '/var/lib/convoy/mounts Bidirectional DirectoryOrCreate',
      '/var/lib/convoy/pools/default HostToContainer DirectoryOrCreate',
      '/var/lib/kubelet Bidirectional Directory',
    ]);
  });

  it('has no rights, only a token for the controller', () => {
    const pod = node(docs);
    assert.equal(pod.at('automountServiceAccountToken'), false);
    assert.equal(find(docs, 'ServiceAccount/convoy-csi-node').at('automountServiceAccountToken'), false);
    const bound = docs.filter((doc) => /^(Cluster)?RoleBinding\//.test(doc.id)).flatMap((doc) => doc.list('subjects'));
    assert.ok(bound.length > 0);
    assert.ok(!bound.some((subject) => subject.at('name') === 'convoy-csi-node'));
    assert.deepEqual(pod.named('token', 'volumes').at('projected', 'sources'), [
      { serviceAccountToken: { audience: 'csi.convoy-csi.org', expirationSeconds: 3600, path: 'token' } },
    ]);
  });

  it('waits for the certificate of the controller', () => {
    assert.deepEqual(node(docs).named('controller-certificate', 'volumes').at('configMap'), {
      name: 'convoy-csi-controller-certificate',
      optional: false,
      items: [{ key: 'controller.crt', path: 'controller.crt' }],
    });
  });

  it('follows the kubelet, the state and the driver name elsewhere', () => {
    const pod = node(render({ values: '{kubeletDir: /var/lib/k0s/kubelet/, root: /data/convoy/, driverName: csi.example.org}' }));
    assert.ok(hostPaths(pod).includes('/var/lib/k0s/kubelet Bidirectional Directory'));
    assert.ok(hostPaths(pod).includes('/data/convoy/mounts Bidirectional DirectoryOrCreate'));
    assert.equal(container(pod).named('CSI_ENDPOINT', 'env').at('value'), 'unix:///var/lib/k0s/kubelet/plugins/csi.example.org/csi.sock');
    assert.equal(pod.named('token', 'volumes').at('projected', 'sources', 0, 'serviceAccountToken', 'audience'), 'csi.example.org');
  });

  it('mounts the parent of a pool that must be a mount, and what local mounts outlives the pod', () => {
    const groups = render({ values: GROUPS });
    const own = (name: string): readonly string[] => hostPaths(node(groups, name)).filter((path) => /^\/(mnt|srv)/.test(path));
    assert.deepEqual(own('convoy-csi-node-fast'), ['/mnt HostToContainer Directory', '/srv/docker Bidirectional DirectoryOrCreate']);
    assert.deepEqual(own('convoy-csi-node-slow'), ['/mnt/hdd HostToContainer Directory']);
  });

  it('differs by node group', () => {
    const groups = render({ values: GROUPS });
    assert.deepEqual(node(groups, 'convoy-csi-node-fast').at('nodeSelector'), { disk: 'nvme', 'kubernetes.io/os': 'linux' });
    assert.equal(node(groups, 'convoy-csi-node-fast').at('tolerations'), undefined);
    assert.deepEqual(node(groups, 'convoy-csi-node-slow').at('nodeSelector'), { 'kubernetes.io/os': 'linux' });
    assert.deepEqual(node(groups, 'convoy-csi-node-slow').at('tolerations'), [{ operator: 'Exists' }]);
    const selectors = groups.filter((doc) => doc.id.startsWith('DaemonSet/')).map((doc) => JSON.stringify(doc.at('spec', 'selector')));
    assert.equal(new Set(selectors).size, 2);
  });

  it('is rolled when its own config changes, and only then', () => {
    const sums = (values: string): readonly (Json | undefined)[] =>
      render({ values })
        .filter((doc) => /^(DaemonSet|Deployment)\//.test(doc.id))
        .map((doc) => doc.at('spec', 'template', 'metadata', 'annotations', 'checksum/config'));
    const [fast, slow, central] = sums(GROUPS);
    const [fast2, slow2, central2] = sums(GROUPS.replace('1.5', '1.6'));
    assert.ok(fast !== undefined && fast !== fast2);
    assert.ok(central !== undefined && central !== central2);
    assert.equal(slow, slow2);
    assert.deepEqual(sums('node: {maxUnavailable: 2}'), sums(''));
  });
});

describe('the controller pod', { skip: NO_HELM }, () => {
  it('is one, replaced before its successor starts', () => {
    const deployment = find(render(), 'Deployment/convoy-csi-controller');
    assert.equal(deployment.at('spec', 'replicas'), 1);
    assert.deepEqual(deployment.at('spec', 'strategy'), { type: 'Recreate' });
  });

  it('has no root, no capability, no writable root file system, in any container', () => {
    for (const values of ['', ALL_ON]) {
      const pod = controller(render({ values }));
      assert.equal(pod.at('securityContext', 'runAsNonRoot'), true);
      assert.equal(pod.at('securityContext', 'runAsUser'), 65532);
      assert.deepEqual(pod.at('securityContext', 'seccompProfile'), { type: 'RuntimeDefault' });
      assert.deepEqual(
        pod.list('volumes').filter((volume) => volume.at('hostPath') !== undefined),
        [],
      );
      for (const one of pod.list('containers'))
        assert.deepEqual(one.at('securityContext'), {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
    }
  });

  it('has the sidecars, with what the driver needs of them', () => {
    const pod = controller(render({ values: 'snapshots: always' }));
    const args = Object.fromEntries(pod.list('containers').map((one) => [one.text('name'), (one.at('args') as string[]).join(' ')]));
    assert.deepEqual(Object.keys(args), ['convoy', 'csi-provisioner', 'csi-snapshotter', 'csi-resizer']);
    const all = Object.values(args).join(' ');
    assert.doesNotMatch(all, /default-fstype|strict-topology|leader-election|node-deployment/);
    for (const flag of [
      '--enable-capacity',
      '--capacity-ownerref-level=2',
      '--extra-create-metadata',
      '--immediate-topology=true',
      '--timeout=60s',
    ])
      assert.ok(args['csi-provisioner']?.split(' ').includes(flag), flag);
    assert.match(args['csi-resizer'] ?? '', /--handle-volume-inuse-error=false/);
  });

  it('publishes no capacity when that is off, and says so to the scheduler', () => {
    const docs = render({ values: 'capacity: {enabled: false}' });
    assert.doesNotMatch(JSON.stringify(controller(docs).value), /capacity/);
    assert.equal(find(docs, 'CSIDriver/csi.convoy-csi.org').at('spec', 'storageCapacity'), false);
    assert.ok(!docs.some((doc) => doc.id === 'Role/convoy-csi-provisioner'));
  });

  it('may read no Secret but its own, unless asked', () => {
    const secrets = (values: string): readonly string[] =>
      render({ values })
        .filter((doc) => /^(Cluster)?Role\//.test(doc.id))
        .flatMap((doc) =>
          doc.list('rules').flatMap((rule) => {
            const resources = rule.at('resources') as readonly string[];
            assert.ok(!resources.includes('*') && !(rule.at('verbs') as readonly string[]).includes('*'), doc.id);
            return resources.includes('secrets') ? [`${doc.id} ${JSON.stringify(rule.at('resourceNames') ?? 'all')}`] : [];
          }),
        );
    const own = 'Role/convoy-csi-controller ["convoy-csi-controller-identity"]';
    assert.deepEqual(secrets('snapshots: always'), [own]);
    assert.deepEqual(
      secrets('{snapshots: always, features: {secrets: true}}').toSorted(),
      [own, ...['provisioner', 'resizer', 'snapshotter'].map((part) => `ClusterRole/convoy-csi-${part} "all"`)].toSorted(),
    );
  });

  it('alone reaches the agents', () => {
    const docs = render();
    const [http, agent] = find(docs, 'NetworkPolicy/convoy-csi-node').list('spec', 'ingress');
    assert.equal(http?.at('ports', 0, 'port'), 'http');
    assert.equal(agent?.at('ports', 0, 'port'), 'agent');
    assert.deepEqual(
      agent?.at('from', 0, 'podSelector', 'matchLabels'),
      find(docs, 'Deployment/convoy-csi-controller').at('spec', 'selector', 'matchLabels'),
    );
  });
});

describe('the config files', { skip: NO_HELM }, () => {
  it('are what the daemon takes, in each role', async () => {
    for (const values of ['', ALL_ON, GROUPS]) {
      const configs = render({ values, release: 'mine', namespace: 'storage' }).filter(
        (doc) => doc.at('data', 'config.yaml') !== undefined,
      );
      for (const doc of configs) await load(doc.id.endsWith('-controller') ? 'controller' : 'node', doc.text('data', 'config.yaml'));
      assert.ok(configs.length >= 2);
    }
  });

  it('name to the controller the objects that are there', async () => {
    const docs = render({ release: 'mine', namespace: 'storage' });
    const config = await load('controller', find(docs, 'ConfigMap/mine-convoy-csi-controller').text('data', 'config.yaml'));
    assert.ok(config.controller?.kind === 'kubernetes');
    const { names } = config.controller;
    assert.equal(names.namespace, 'storage');
    find(docs, `Secret/${names.identitySecret}`);
    find(docs, `ConfigMap/${names.certificateConfigMap}`);
    find(docs, `ConfigMap/${names.goneNodesConfigMap}`);
    assert.equal(find(docs, `Service/${names.service}`).at('spec', 'ports', 0, 'name'), 'agent');
    assert.equal(node(docs, 'mine-convoy-csi-node').at('serviceAccountName'), names.serviceAccount);
    const named = find(docs, 'Role/mine-convoy-csi-controller')
      .list('rules')
      .flatMap((rule) => (rule.at('resourceNames') ?? []) as readonly string[]);
    assert.deepEqual(named, [names.identitySecret, names.certificateConfigMap, names.goneNodesConfigMap, names.lease]);
  });

  it('give the pools of a node to the node, and all of them to the controller', async () => {
    const docs = render({ values: GROUPS });
    const pools = async (name: string, role: string): Promise<readonly string[]> =>
      (await load(role, find(docs, `ConfigMap/convoy-csi-${name}`).text('data', 'config.yaml'))).pools.map((pool) => pool.name);
    assert.deepEqual(await pools('node-fast', 'node'), ['nvme', 'docker']);
    assert.deepEqual(await pools('node-slow', 'node'), ['hdd']);
    assert.deepEqual(await pools('controller', 'controller'), ['nvme', 'docker', 'hdd']);
    const fast = await load('node', find(docs, 'ConfigMap/convoy-csi-node-fast').text('data', 'config.yaml'));
    assert.equal(fast.pools[0]?.defaultSizeBytes, 10n << 30n);
    assert.equal(fast.defaultPool, 'nvme');
  });

  it('have the socket that the pod says', async () => {
    const docs = render({ values: 'kubeletDir: /var/lib/k0s/kubelet/' });
    const config = await load('node', find(docs, 'ConfigMap/convoy-csi-node').text('data', 'config.yaml'));
    assert.equal(`unix://${config.socketPath}`, container(node(docs)).named('CSI_ENDPOINT', 'env').at('value'));
  });
});
