import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHART, findHelm, runHelm } from '../../scripts/lib/helm.ts';
import { container, controller, hostPaths, load, node } from './pod.ts';
import { type Doc, find, installed, type Json, NO_HELM, refusal, render, renderText } from './render.ts';

const SHARED = '{name: shared, driver: vfs, options: {vfs.path: /mnt/convoy/shared, vfs.scope: global, vfs.requiremount: true}}';
const ZONAL =
  '{name: zonal, driver: vfs, options: {vfs.path: /srv/zone-a/, vfs.scope: global}, segments: {topology.kubernetes.io/zone: a}, trashRetention: 1d}';
const FAST = '{name: fast, driver: loop, init: auto, options: {loop.path: /mnt/nvme}, hostPathType: DirectoryOrCreate}';
const LABELS = 'node: {topologyLabels: [topology.kubernetes.io/zone, example.com/rack]}';
const GLOBAL = `
pools: [${FAST}, ${SHARED}, ${ZONAL}]
defaultPool: fast
snapshots: always
storageClasses: [{name: shared, volumeBindingMode: Immediate, parameters: {pool: shared}}]
${LABELS}
`;
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'MKNOD', 'SETFCAP'];

const groups = (a: string, b: string, rest = ''): string =>
  `nodeGroups: [{name: a, pools: [${a}]}, {name: b, pools: [${b}]}]\nstorageClasses: []\n${rest}`;

describe('a chart with global pools', { skip: NO_HELM }, () => {
  const docs = NO_HELM === false ? render({ values: GLOBAL }) : [];

  it('mounts them into the controller as into the nodes, and no local one', () => {
    const paths = ['/mnt/convoy HostToContainer Directory', '/srv/zone-a HostToContainer Directory'];
    assert.deepEqual(hostPaths(controller(docs)), paths);
    assert.deepEqual(
      hostPaths(node(docs)).filter((path) => /^\/(mnt|srv)/.test(path)),
      ['/mnt/nvme HostToContainer DirectoryOrCreate', ...paths],
    );
  });

  it('gives the controller’s own container root and what copying takes, and no other container anything', () => {
    const pod = controller(docs);
    const unprivileged = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
    for (const one of pod.list('containers'))
      assert.deepEqual(
        one.at('securityContext'),
        one.at('name') === 'convoy'
          ? { ...unprivileged, runAsNonRoot: false, runAsUser: 0, runAsGroup: 0, capabilities: { drop: ['ALL'], add: CAPABILITIES } }
          : unprivileged,
      );
    assert.deepEqual(pod.list('containers').map((one) => one.at('name')).length, 4);
    assert.equal(pod.at('securityContext', 'runAsUser'), 65532);
    assert.deepEqual(pod.at('securityContext', 'seccompProfile'), { type: 'RuntimeDefault' });
    for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) assert.equal(pod.at(key), undefined, key);
  });

  it('lets the sidecars reach the socket of a root daemon by the group of its directory', () => {
    const pod = controller(docs);
    // An emptyDir gets the fsGroup and the set-gid bit, so that what is made in it has the group too.
    assert.deepEqual(pod.named('socket', 'volumes').at('emptyDir'), {});
    assert.equal(pod.at('securityContext', 'fsGroup'), pod.at('securityContext', 'runAsGroup'));
    for (const one of pod.list('containers')) assert.equal(one.named('socket', 'volumeMounts').at('mountPath'), '/run/convoy');
  });

  it('gives the controller a place for its state', () => {
    const pod = controller(render({ values: `${GLOBAL}\nroot: /data/convoy/` }));
    assert.deepEqual(pod.named('state', 'volumes').at('emptyDir'), {});
    assert.equal(container(pod).named('state', 'volumeMounts').at('mountPath'), '/data/convoy');
  });

  it('mounts no place twice into one container', () => {
    for (const pod of [controller(docs), node(docs)]) {
      const places = container(pod).list('volumeMounts');
      assert.equal(new Set(places.map((mount) => mount.at('mountPath'))).size, places.length);
      assert.deepEqual(
        places.map((mount) => mount.at('name')).toSorted(),
        pod
          .list('volumes')
          .map((one) => one.at('name'))
          .toSorted(),
      );
    }
  });

  it('makes config files that the daemon takes, in each role', async () => {
    const text = (name: string): string => find(docs, `ConfigMap/convoy-csi-${name}`).text('data', 'config.yaml');
    for (const config of [await load('controller', text('controller')), await load('node', text('node'))]) {
      assert.deepEqual(
        config.pools.map(({ name, init, options, segments }) => [name, init, options['vfs.scope'], segments]),
        [
          ['fast', 'auto', undefined, undefined],
          ['shared', 'manual', 'global', undefined],
          ['zonal', 'manual', 'global', { 'topology.kubernetes.io/zone': 'a' }],
        ],
      );
    }
  });

  it('lints, and renders the same twice', () => {
    assert.match(runHelm(findHelm() ?? '', ['lint', '--strict', CHART, '--values', '-'], GLOBAL), /0 chart\(s\) failed/);
    assert.equal(renderText({ values: GLOBAL }), renderText({ values: GLOBAL }));
  });

  it('changes nothing for who has none', () => {
    const without = installed(render({ values: `{${LABELS.replace(', example.com/rack', '')}}` }));
    const difference = installed(render()).filter((doc, index) => JSON.stringify(doc.value) !== JSON.stringify(without[index]?.value));
    assert.deepEqual(
      difference.map((doc) => doc.id),
      ['DaemonSet/convoy-csi-node'],
    );
    const local = installed(render({ values: 'pools: [{name: default, driver: vfs, options: {vfs.path: /srv/a, vfs.scope: local}}]' }));
    assert.equal(controller(local).named('convoy', 'containers').at('securityContext', 'runAsUser'), undefined);
    assert.deepEqual(hostPaths(controller(local)), []);
  });

  it('takes the same pool in every group, and a zonal one where it is reached', () => {
    const both = render({ values: groups(`${FAST}, ${SHARED}`, SHARED, 'defaultPool: shared') });
    assert.deepEqual(hostPaths(controller(both)), ['/mnt/convoy HostToContainer Directory']);
    for (const name of ['a', 'b'])
      assert.ok(hostPaths(node(both, `convoy-csi-node-${name}`)).includes('/mnt/convoy HostToContainer Directory'), name);
    const zonal = render({ values: groups(ZONAL, FAST, LABELS) });
    assert.deepEqual(hostPaths(controller(zonal)), ['/srv/zone-a HostToContainer Directory']);
    assert.ok(!hostPaths(node(zonal, 'convoy-csi-node-b')).some((path) => path.startsWith('/srv')));
  });

  describe('refuses', () => {
    const change = (from: string, to: string): string => SHARED.replace(from, to);
    const BAD: readonly (readonly [string, string, RegExp])[] = [
      [
        'a pool that makes itself',
        `pools: [${change('driver: vfs', 'driver: vfs, init: auto')}]`,
        /pool "shared" is global and has init auto: a global pool is made once, by hand: kubectl --namespace convoy-csi exec deploy\/convoy-csi-controller -- convoy pools init shared/,
      ],
      [
        'a directory that is made where nothing is mounted',
        `pools: [${change('driver: vfs', 'driver: vfs, hostPathType: DirectoryOrCreate')}]`,
        /pool "shared" is global and has hostPathType DirectoryOrCreate: where its file system is not mounted/,
      ],
      [
        'that in the second group',
        groups(SHARED, change('driver: vfs', 'driver: vfs, hostPathType: DirectoryOrCreate')),
        /"shared" is global and has hostPathType/,
      ],
      [
        'a group without it',
        groups(SHARED, FAST),
        /pool "shared" is global, but node group "b" does not have it: .* give it to every group, or say by its segments/,
      ],
      [
        'another path in another group',
        groups(SHARED, change('/mnt/convoy/shared', '/mnt/convoy/other')),
        /pool "shared" is global, .* but its vfs\.path is "\/mnt\/convoy\/shared" in node group "a" and "\/mnt\/convoy\/other" in "b": give every group the same entry/,
      ],
      [
        'a local one of that name in another group',
        groups(change(', vfs.scope: global', ''), SHARED),
        /its vfs\.scope is left out in node group "a" and "global" in "b"/,
      ],
      [
        'other terms in another group',
        groups(SHARED, change('driver: vfs', 'driver: vfs, overcommit: 2')),
        /its overcommit is left out in node group "a" and 2 in "b"/,
      ],
      [
        'segments of a local pool',
        `pools: [${change(', vfs.scope: global', '').replace('driver: vfs', 'driver: vfs, segments: {topology.kubernetes.io/zone: a}')}]\n${LABELS}`,
        /pool "shared" has segments, but it is local, and so on its node alone: leave them out, or make it global \(vfs\.scope: global\)/,
      ],
      [
        'a segment that no node reports',
        `pools: [${change('driver: vfs', 'driver: vfs, segments: {topology.kubernetes.io/region: a}')}]\n${LABELS}`,
        /pool "shared" has the segment topology\.kubernetes\.io\/region, which is not in node\.topologyLabels: no node would report it; add it there/,
      ],
      ['segments without any', `pools: [${change('driver: vfs', 'driver: vfs, segments: {}')}]`, /segments': minProperties/],
      [
        'a segment that is no text',
        `pools: [${change('driver: vfs', 'driver: vfs, segments: {zone: 1}')}]`,
        /segments\/zone': got number, want string/,
      ],
      ['a scope that there is none', `pools: [${change('global', 'zonal')}]`, /vfs\.scope': value must be one of 'local', 'global'/],
      [
        'the driver’s own key',
        'node: {topologyLabels: [csi.convoy-csi.org/node]}',
        /topologyLabels has csi\.convoy-csi\.org\/node, which the driver reports itself/,
      ],
      ['a label twice', 'node: {topologyLabels: [zone, zone]}', /topologyLabels': items at 0 and 1 are equal/],
      ['what is no label', 'node: {topologyLabels: ["a b"]}', /topologyLabels\/0': 'a b' does not match pattern/],
      [
        'the place of the socket',
        `pools: [${change('/mnt/convoy/shared', '/run/convoy/shared')}]`,
        /is within \/run\/convoy, where the controller has its socket/,
      ],
      [
        'a disk right below the root',
        'pools: [{name: p, driver: vfs, options: {vfs.path: /var/lib/convoy/disk, vfs.requiremount: true}}]',
        /with requiremount its parent \/var\/lib\/convoy is mounted, and that is the root/,
      ],
    ];
    for (const [what, values, says] of BAD) it(what, () => assert.match(refusal(values), says));
  });
});

describe('topology labels', { skip: NO_HELM }, () => {
  const env = (values: string): readonly Doc[] => container(node(render({ values }))).list('env');

  it('are none unless asked', () =>
    assert.deepEqual(
      env('').map((one) => one.at('name')),
      ['NODE_NAME', 'CSI_ENDPOINT'],
    ));

  it('come from the pod’s own labels, before what is made of them', () => {
    const [, , zone, rack, topology, ...more] = env(LABELS);
    const label = (key: string): Json => ({ fieldRef: { fieldPath: `metadata.labels['${key}']` } });
    assert.deepEqual(zone?.value, { name: 'TOPOLOGY_0', valueFrom: label('topology.kubernetes.io/zone') });
    assert.deepEqual(rack?.value, { name: 'TOPOLOGY_1', valueFrom: label('example.com/rack') });
    assert.equal(topology?.at('name'), 'CONVOY_TOPOLOGY');
    assert.deepEqual(more, []);
    assert.equal(topology.at('value'), 'topology.kubernetes.io/zone=$(TOPOLOGY_0),example.com/rack=$(TOPOLOGY_1)');
    assert.doesNotMatch(JSON.stringify(controller(render({ values: LABELS })).value), /TOPOLOGY/);
  });

  it('are what the daemon reads, whether a node has the label or not', async () => {
    const docs = render({ values: LABELS });
    const topology = async (zone: string, rack: string): Promise<Json> => {
      const value = container(node(docs)).named('CONVOY_TOPOLOGY', 'env').text('value');
      const expanded = value.replace('$(TOPOLOGY_0)', zone).replace('$(TOPOLOGY_1)', rack);
      return (await load('node', find(docs, 'ConfigMap/convoy-csi-node').text('data', 'config.yaml'), { CONVOY_TOPOLOGY: expanded }))
        .topology;
    };
    assert.deepEqual(await topology('a', 'r1'), { 'topology.kubernetes.io/zone': 'a', 'example.com/rack': 'r1' });
    assert.deepEqual(await topology('a', ''), { 'topology.kubernetes.io/zone': 'a' });
    assert.deepEqual(await topology('', ''), {});
  });
});

describe('the notes', { skip: NO_HELM }, () => {
  const notes = (values: string): string =>
    runHelm(findHelm() ?? '', ['install', 'x', CHART, '--namespace', 'ns', '--dry-run=client', '--values', '-'], values).split(
      '\nNOTES:\n',
    )[1] ?? '';

  it('say how a global pool is made, before what waits for it', () => {
    const said = notes(GLOBAL);
    for (const pool of ['shared', 'zonal'])
      assert.ok(said.includes(`\n  kubectl -n ns exec deploy/x-convoy-csi-controller -- convoy pools init ${pool}\n`), said);
    assert.ok(said.indexOf('convoy pools init') < said.indexOf('rollout status'));
    assert.doesNotMatch(said, /pools init fast/);
    assert.doesNotMatch(notes(''), /pools init|global/);
  });

  it('say where a volume is made, if it waits for its pod', () => {
    const onNode = /It stays Pending until the pod is there: the volume is made on the pod's node\./;
    const classes = (rest: string): string => `pools: [${FAST}, ${SHARED}]\nstorageClasses: [{name: c, ${rest}}]`;
    assert.match(notes(''), onNode);
    assert.match(notes(classes('parameters: {pool: fast}')), onNode);
    assert.match(notes(classes('parameters: {pool: shared}')), /It stays Pending until the pod is there\.\n/);
    assert.match(notes(`${classes('labels: {}')}\ndefaultPool: shared`), /It stays Pending until the pod is there\.\n/);
    assert.match(notes(`pools: [${SHARED}]`), /It stays Pending until the pod is there\.\n/);
    assert.doesNotMatch(notes(classes('volumeBindingMode: Immediate, parameters: {pool: fast}')), /stays Pending/);
  });
});
