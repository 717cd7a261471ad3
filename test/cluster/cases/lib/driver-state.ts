import assert from 'node:assert/strict';
import { KUBERNETES_NAMESPACE } from '../../rig/paths.ts';
import type { Api } from './api.ts';
import { driverPods } from './driver.ts';
import type { KubeEvent, Pod } from './objects.ts';
import type { Space } from './space.ts';

const PODS = `/api/v1/namespaces/${KUBERNETES_NAMESPACE}/pods`;
const LONG_MS = 240_000;

/** What a pod of the driver says of itself, asked directly: through the API server nothing but a code would come of a 503. */
export async function readiness(api: Api, pod: string): Promise<{ readonly status: number; readonly text: string }> {
  const { status } = await api.get<Pod>(`${PODS}/${pod}`);
  const answer = await fetch(`http://${status?.podIP}:9808/readyz`, { signal: AbortSignal.timeout(10_000) });
  return { status: answer.status, text: await answer.text() };
}

/** All nodes, an agent on each, and one controller. */
export async function untilDriverReady(space: Space): Promise<void> {
  const { api, cluster } = space;
  await space.until(
    'the driver and all nodes to be ready',
    async () => {
      const agents = await driverPods(api, 'node');
      const controllers = await driverPods(api, 'controller');
      assert.deepEqual(agents.map(({ spec }) => spec.nodeName).sort(), cluster.nodes.map(({ name }) => name).sort());
      assert.equal(controllers.length, 1);
      const nodes = await Promise.all(cluster.nodes.map(({ name }) => api.get<Pod>(`/api/v1/nodes/${name}`)));
      for (const { metadata, status } of [...agents, ...controllers, ...nodes]) {
        const ready = status?.conditions?.find(({ type }) => type === 'Ready');
        assert.equal(ready?.status, 'True', `${metadata.name} is not ready: ${JSON.stringify(ready)}`);
      }
    },
    LONG_MS,
  );
}

/** Of an object without a namespace. */
export async function untilEventOf(space: Space, name: string, message: RegExp): Promise<void> {
  await space.until(`an event of ${name} that says ${message}`, async () => {
    const events = await space.api.list<KubeEvent>('/api/v1/namespaces/default/events');
    const said = events.filter(({ involvedObject }) => involvedObject.name === name).map((event) => event.message);
    assert.ok(
      said.some((text) => message.test(text)),
      `it said ${JSON.stringify(said)}`,
    );
  });
}
