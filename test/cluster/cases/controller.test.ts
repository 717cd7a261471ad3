import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { KUBERNETES_NAMESPACE } from '../rig/paths.ts';
import { agentPod, driverPods, storageClass } from './lib/driver.ts';
import { readiness, untilDriverReady } from './lib/driver-state.ts';
import type { Pod } from './lib/objects.ts';
import { logOf } from './lib/refusals.ts';
import { CLASSES, Space } from './lib/space.ts';

/** There is one controller, and its identity can be taken away. */
const space = await Space.open('controller');
const { api, cluster } = space;
const IN = `/api/v1/namespaces/${KUBERNETES_NAMESPACE}`;
const DEPLOYMENT = `/apis/apps/v1/namespaces/${KUBERNETES_NAMESPACE}/deployments/convoy-csi-controller`;
const SECRET = `${IN}/secrets/convoy-csi-controller-identity`;
const nodes = cluster.nodes.map(({ name }) => name);

after(async () => {
  await scale(1);
  await space.close();
});

test('a second one stays unready and does nothing, and the first goes on', async () => {
  const [first, ...others] = await driverPods(api, 'controller');
  assert.ok(first !== undefined && others.length === 0);
  await scale(2);
  const second = await space.until('a second controller', async () => {
    const found = (await driverPods(api, 'controller')).find(({ metadata }) => metadata.name !== first.metadata.name);
    assert.ok(found?.status?.podIP !== undefined);
    const { status, text } = await readiness(api, found.metadata.name);
    assert.equal(status, 503);
    assert.match(text, new RegExp(`does not hold the lease "convoy-csi-controller": "${first.metadata.name}" holds it`));
    return found.metadata.name;
  });
  await makeOneOnEachNode('with-two');
  assert.equal((await readiness(api, second)).status, 503);
  assert.equal((await readiness(api, first.metadata.name)).status, 200);
  assert.doesNotMatch(await logOf(api, second), /"method":"CreateVolume"/);
  await scale(1);
  await space.gone(`${IN}/pods/${second}`);
  assert.deepEqual(
    (await driverPods(api, 'controller')).map(({ metadata }) => metadata.name),
    [first.metadata.name],
  );
});

test('one whose key was taken away makes another, which the agents learn', async () => {
  const before = await api.get<{ readonly data: Readonly<Record<string, string>> }>(SECRET);
  await api.merge(SECRET, { data: null });
  const [old] = await driverPods(api, 'controller');
  await api.remove(`${IN}/pods/${old?.metadata.name}`);
  await space.until('another key', async () => {
    const { data } = await api.get<{ readonly data?: Readonly<Record<string, string>> }>(SECRET);
    assert.notEqual(data?.['current.key'] ?? before.data['current.key'], before.data['current.key']);
  });
  await untilDriverReady(space);
  await makeOneOnEachNode('with-another-key');
  for (const node of nodes) assert.equal((await readiness(api, await agentPod(api, node))).status, 200);
});

async function makeOneOnEachNode(prefix: string): Promise<void> {
  const names = nodes.map((node) => `${prefix}-${node}`);
  for (const [index, node] of nodes.entries()) {
    const name = names[index] ?? '';
    await space.outside(CLASSES, storageClass(name, { pool: 'default' }, { nodes: [node] }));
    await space.claim(name, { storageClass: name });
  }
  await Promise.all(names.map((name) => space.bound(name)));
}

async function scale(replicas: number): Promise<void> {
  await api.merge(DEPLOYMENT, { spec: { replicas } });
  await space.until(`${replicas} controllers`, async () => {
    const pods = await api.list<Pod>(`${IN}/pods?labelSelector=app.kubernetes.io/component%3Dcontroller`);
    assert.equal(pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length, replicas);
  });
}
