import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { openCluster } from '../rig/cluster.ts';
import { WORK_IMAGE } from '../rig/paths.ts';
import { CommandError, waitFor } from '../rig/shell.ts';

/** What tests do to nodes: each is hurt, and is whole again afterwards. */
const cluster = openCluster();
const NAMESPACE = 'rig-nodes-test';
const inNamespace = `--namespace=${NAMESPACE}`;
const node = cluster.nodes[0] ?? assert.fail('a cluster without nodes');
const POD = { namespace: NAMESPACE, pod: 'victim', container: 'work' };

before(async () => {
  await cluster.kubectl(['create', 'namespace', NAMESPACE]);
  // Made by a controller a moment after its namespace; pods are refused until then.
  await waitFor('the default service account', () => cluster.kubectl(['get', 'serviceaccount', 'default', inNamespace]));
  await cluster.apply(`
apiVersion: v1
kind: Pod
metadata: { name: victim, namespace: ${NAMESPACE} }
spec:
  nodeName: ${node.name}
  terminationGracePeriodSeconds: 0
  containers:
    - name: work
      image: ${WORK_IMAGE}
      command: [sh, -c, "sleep 100000"]
      volumeMounts: [{ name: shared, mountPath: /shared, mountPropagation: Bidirectional }]
      securityContext: { privileged: true }
  volumes:
    - name: shared
      hostPath: { path: /var/lib/kubelet/rig-shared, type: DirectoryOrCreate }
`);
  await cluster.kubectl(['wait', 'pod/victim', '--for=condition=Ready', '--timeout=60s', inNamespace]);
});

after(async () => {
  await cluster.kubectl(['delete', 'namespace', NAMESPACE, '--wait=true']);
});

const exec = (...command: string[]): Promise<string> => cluster.kubectl(['exec', inNamespace, 'victim', '--', ...command]);
const answers = (): Promise<string> => waitFor('the pod to answer', () => exec('echo', 'here'), 90_000);
const restarts = async (): Promise<number> =>
  Number(await cluster.kubectl(['get', 'pod', 'victim', inNamespace, '--output=jsonpath={.status.containerStatuses[0].restartCount}']));

test("a container's mounts reach its node, and no other node nor the machine", async () => {
  await exec('mkdir', '/shared/mounted');
  await exec('mount', '-t', 'tmpfs', 'rig-seen', '/shared/mounted');
  assert.match(await node.run(['cat', '/proc/self/mountinfo']), / \/var\/lib\/kubelet\/rig-shared\/mounted .* rig-seen /);
  for (const other of cluster.nodes.slice(1)) assert.doesNotMatch(await other.run(['cat', '/proc/self/mountinfo']), /rig-seen/);
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /rig-seen/);
  await exec('umount', '/shared/mounted');
  assert.doesNotMatch(await node.run(['cat', '/proc/self/mountinfo']), /rig-seen/);
});

test('a kubelet that was killed comes back to its pods, which went on', async () => {
  const before = await node.processes(POD);
  await node.killKubelet();
  await assert.rejects(exec('true'), CommandError);
  await node.startKubelet();
  await answers();
  assert.deepEqual(await node.processes(POD), before);
});

test('a container that was killed is started again', async () => {
  const before = await restarts();
  await node.killContainer(POD);
  await waitFor('its restart', async () => ((await restarts()) > before ? true : undefined));
  await answers();
});

test("a node whose cable is pulled is not reached, and its pods' processes go on", async () => {
  const before = await node.processes(POD);
  await node.cutNetwork();
  try {
    // The API server would try for half a minute.
    await assert.rejects(cluster.kubectl(['exec', inNamespace, 'victim', '--', 'true'], { timeoutMs: 5000 }), CommandError);
    assert.deepEqual(await node.processes(POD), before);
  } finally {
    await node.restoreNetwork();
  }
  await answers();
});

test('a node whose power is cut loses its mounts, keeps its disk, and starts its pods when it boots', async () => {
  await node.run([
    'sh',
    '-c',
    'echo kept >/var/lib/convoy/rig-kept && mkdir -p /run/rig-lost && mount -t tmpfs rig-lost /run/rig-lost && sync',
  ]);
  const before = await restarts();
  await node.stop();
  await assert.rejects(node.run(['true']), /node-1 is stopped/);
  await node.start();
  assert.equal((await node.run(['cat', '/var/lib/convoy/rig-kept'])).trim(), 'kept');
  assert.doesNotMatch(await node.run(['cat', '/proc/self/mountinfo']), /rig-lost/);
  await node.run(['rm', '/var/lib/convoy/rig-kept']);
  await waitFor('the restart of the pod', async () => ((await restarts()) > before ? true : undefined), 90_000);
  await answers();
});
