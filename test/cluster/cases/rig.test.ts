import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openCluster } from '../rig/cluster.ts';
import { nodeZone, POOL_SHARED, POOL_SHARED_A, WORK_IMAGE, ZONE_LABEL } from '../rig/paths.ts';
import { waitFor } from '../rig/shell.ts';

/** The cluster itself: what every other test of this folder stands on. */
const cluster = openCluster();
const NAMESPACE = 'rig-test';
const inNamespace = `--namespace=${NAMESPACE}`;

const pod = (node: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: on-${node}, namespace: ${NAMESPACE}, labels: { app: rig } }
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 0
  containers:
    - name: work
      image: ${WORK_IMAGE}
      command: [sh, -c, "sleep 100000"]
      volumeMounts: [{ name: token, mountPath: /token }]
  volumes:
    - name: token
      projected: { sources: [{ serviceAccountToken: { path: token, audience: rig.example, expirationSeconds: 600 } }] }
`;

before(async () => {
  await cluster.kubectl(['create', 'namespace', NAMESPACE]);
  // Made by a controller a moment after its namespace; pods are refused until then.
  await waitFor('the default service account', () => cluster.kubectl(['get', 'serviceaccount', 'default', inNamespace]));
  await cluster.apply(cluster.nodes.map(({ name }) => pod(name)).join('---'));
  await cluster.apply(`
apiVersion: v1
kind: Service
metadata: { name: rig, namespace: ${NAMESPACE} }
spec: { clusterIP: None, selector: { app: rig }, ports: [{ name: any, port: 1 }] }
`);
  await cluster.kubectl(['wait', 'pods', '--all', '--for=condition=Ready', '--timeout=60s', inNamespace]);
});

after(async () => {
  await cluster.kubectl(['delete', 'namespace', NAMESPACE, '--wait=true']);
});

const exec = (node: string, ...command: string[]): Promise<string> =>
  cluster.kubectl(['exec', inNamespace, `on-${node}`, '--', ...command]);

test('every node is ready, with the version that was built', async () => {
  const jsonpath =
    '{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.kubeletVersion}{"\\n"}{end}';
  const lines = (await cluster.kubectl(['get', 'nodes', `--output=jsonpath=${jsonpath}`])).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(' ').slice(0, 2).join(' ')).sort(),
    cluster.nodes.map(({ name }) => `${name} True`),
  );
  for (const line of lines) assert.match(line, / v1\.36\.\d+$/);
});

test('a pod has an address of its node, and reaches the pods of the other nodes', async () => {
  const addresses = new Map<string, string>();
  for (const { name, number } of cluster.nodes) {
    const address = await cluster.kubectl(['get', 'pod', `on-${name}`, inNamespace, '--output=jsonpath={.status.podIP}']);
    assert.ok(address.startsWith(`10.244.${number}.`), `${address} is not of ${name}`);
    addresses.set(name, address);
  }
  for (const { name } of cluster.nodes) {
    for (const address of addresses.values()) await exec(name, 'ping', '-c', '1', '-W', '5', address);
  }
});

test('a headless service has an endpoint for each pod, with the name of its node', async () => {
  const slice = await waitFor('the endpoints', async () => {
    const jsonpath = '--output=jsonpath={range .items[*].endpoints[*]}{.nodeName} {.conditions.ready}{"\\n"}{end}';
    const lines = (
      await cluster.kubectl(['get', 'endpointslices', inNamespace, '--selector=kubernetes.io/service-name=rig', jsonpath])
    ).trim();
    return lines.split('\n').length === cluster.nodes.length ? lines.split('\n').sort() : undefined;
  });
  assert.deepEqual(
    slice,
    cluster.nodes.map(({ name }) => `${name} true`),
  );
});

test('the API is reached from a pod by its service address, with the token of its service account', async () => {
  for (const { name } of cluster.nodes) {
    // busybox speaks no TLS of a private CA: the token goes by hand, and the answer says who it was taken for.
    const script = 'nc -w 5 "$KUBERNETES_SERVICE_HOST" "$KUBERNETES_SERVICE_PORT" </dev/null && echo reached';
    assert.equal((await exec(name, 'sh', '-c', script)).trim(), 'reached');
  }
});

test('a projected token has the audience that its pod asked for, and the review tells pod and node', async () => {
  const [{ name } = { name: '' }] = cluster.nodes;
  const token = (await exec(name, 'cat', '/token/token')).trim();
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences: ['rig.example'] } };
  const answer = await cluster.kubectl(['create', '-f', '-', '--output=json'], { input: JSON.stringify(review) });
  const { status } = JSON.parse(answer) as {
    status: { authenticated: boolean; user: { username: string; extra: Record<string, string[]> } };
  };
  assert.equal(status.authenticated, true);
  assert.equal(status.user.username, `system:serviceaccount:${NAMESPACE}:default`);
  assert.deepEqual(status.user.extra['authentication.kubernetes.io/node-name'], [name]);
  const uid = await cluster.kubectl(['get', 'pod', `on-${name}`, inNamespace, '--output=jsonpath={.metadata.uid}']);
  assert.deepEqual(status.user.extra['authentication.kubernetes.io/pod-uid'], [uid]);
});

test('each node has an xfs with shared blocks of its own', async () => {
  for (const node of cluster.nodes) {
    await node.run(['dd', 'if=/dev/zero', `of=/srv/pool-xfs/${node.name}`, 'bs=64k', 'count=16', 'status=none']);
    await node.run(['cp', '--reflink=always', `/srv/pool-xfs/${node.name}`, '/srv/pool-xfs/clone']);
  }
  for (const node of cluster.nodes) {
    // The pools of the chart may be there too.
    const files = (await node.run(['ls', '/srv/pool-xfs'])).trim().split('\n');
    assert.deepEqual(
      cluster.nodes.map(({ name }) => name).filter((name) => files.includes(name)),
      [node.name],
    );
    await node.run(['rm', '/srv/pool-xfs/clone', `/srv/pool-xfs/${node.name}`]);
  }
});

test('all nodes have the same two directories, as a shared file system', async () => {
  const [first = assert.fail('a cluster without nodes')] = cluster.nodes;
  for (const place of [POOL_SHARED, POOL_SHARED_A]) {
    await first.run(['sh', '-c', `echo ${place} >${place}/rig-seen`]);
    for (const node of cluster.nodes) assert.equal((await node.run(['cat', `${place}/rig-seen`])).trim(), place);
    await first.run(['rm', `${place}/rig-seen`]);
  }
});

test('each node has a zone, and its pods are labelled with it', async () => {
  for (const { name, number } of cluster.nodes) {
    const label = `--output=jsonpath={.metadata.labels.${ZONE_LABEL.replaceAll('.', '\\.')}}`;
    assert.equal(await cluster.kubectl(['get', 'node', name, label]), nodeZone(number));
    assert.equal(await cluster.kubectl(['get', 'pod', `on-${name}`, inNamespace, label]), nodeZone(number));
  }
});
