import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { KUBERNETES_NAMESPACE } from '../rig/paths.ts';
import type { CommandError } from '../rig/shell.ts';
import { ApiError } from './lib/api.ts';
import { agentPod, controllerPod, convoy, driverPods } from './lib/driver.ts';
import { readiness, untilDriverReady, untilEventOf } from './lib/driver-state.ts';
import { holdersOf } from './lib/global.ts';
import { volumesOn } from './lib/left-on-nodes.ts';
import type { Pod, Volume } from './lib/objects.ts';
import { Space, VOLUMES } from './lib/space.ts';
import { endingPod } from './lib/visitors.ts';

/**
 * A node goes for good, or so it seems: its machine is off and its Node object deleted. What was on it is released by an
 * admin's word alone, and when it comes back nothing on it has been lost.
 */
const space = await Space.open('node-gone');
const { api, cluster } = space;
const [controller] = await driverPods(api, 'controller');
const node = cluster.nodes.find(({ name }) => name !== controller?.spec.nodeName) ?? assert.fail('all nodes have the controller');
const NODE = `/api/v1/nodes/${node.name}`;
/** Of a global pool, so it goes on elsewhere. */
const MOVED = 'moved';
const other = cluster.nodes.find(({ name }) => name !== node.name) ?? assert.fail('one node is too few');
/** The first is deleted while the node is gone, the second when it is back, the third never. */
const CLAIMS = ['early', 'late', 'kept'];
const volumes = new Map<string, Volume>();
const idOf = (claim: string): string => volumes.get(claim)?.spec.csi?.volumeHandle ?? assert.fail(`no volume of ${claim}`);
const pathOf = (claim: string): string => `${VOLUMES}/${volumes.get(claim)?.metadata.name}`;
let before: readonly string[] = [];

after(() => space.close());

test('volumes are made on it', async () => {
  for (const [index, claim] of CLAIMS.entries()) await space.claim(claim, { storageClass: index === 0 ? 'fast' : 'default' });
  const mounts = Object.fromEntries(CLAIMS.map((claim) => [`/${claim}`, claim]));
  const script = CLAIMS.map((claim) => `echo ${claim} >/${claim}/name && sync /${claim}/name`).join(' && ');
  await api.create(space.path('pods'), { metadata: { name: 'writer' }, spec: endingPod(mounts, node.name, script) });
  await space.until('the writer to end', async () => assert.equal((await space.getPod('writer')).status?.phase, 'Succeeded'));
  await space.removePods('writer');
  for (const claim of CLAIMS) volumes.set(claim, await space.volumeOf(claim));
  await space.claim(MOVED, { storageClass: 'shared' });
  await space.run('resident', { claims: { '/data': MOVED }, node: node.name });
  await space.exec('resident', 'echo resident >/data/name; sync');
  before = await volumesOn(space, node.name);
  for (const claim of CLAIMS) assert.ok(before.includes(idOf(claim)), claim);
});

test('an admin who is wrong about a node is told so', async () => {
  await assert.rejects(forget(node.name), (error: CommandError) =>
    /is ready, says Kubernetes: drain and delete the node first/.test(error.message),
  );
  await assert.rejects(forget('node-17'), (error: CommandError) => /node .*node-17.* is not known/.test(error.message));
  await assert.rejects(admin('node', 'readmit', node.name), (error: CommandError) => /was not declared gone/.test(error.message));
});

test('its volumes are not deleted while nobody says that it is gone', async () => {
  await node.stop();
  await api.remove(NODE);
  await space.removeClaims('early');
  await untilEventOf(space, pathOf('early').split('/').at(-1) ?? '', new RegExp(`${node.name}.*convoy node forget ${node.name}`));
  assert.notEqual((await api.get<Volume>(pathOf('early'))).status?.phase, 'Bound');
});

test('what it uses of a global pool goes to no other node meanwhile', async () => {
  await api.remove(space.path('pods', 'resident'), { gracePeriodSeconds: 0 });
  await space.pod('successor', { claims: { '/data': MOVED }, node: other.name });
  await space.event('successor', new RegExp(`single node at a time.* staged on node ${node.name}.*convoy node forget ${node.name}`));
});

test('an admin declares it gone: they go, and what is global goes on elsewhere', async () => {
  await forget(node.name);
  // Its provisioner tries again later and later; any change of the object has it try at once, unless it just did.
  await api.merge(pathOf('early'), { metadata: { annotations: { 'convoy-csi.org/look-again': 'now' } } }).catch((error: unknown) => {
    if (!(error instanceof ApiError && error.code === 404)) throw error;
  });
  await space.gone(pathOf('early'));
  await space.ready('successor');
  assert.equal(await space.exec('successor', 'cat /data/name'), 'resident\n');
});

test('it comes back, and its agent stays unready and says why', async () => {
  await node.start();
  const reason = new RegExp(`node ${node.name} was declared gone at .*convoy node readmit ${node.name}`);
  await space.until('the agent to say that its node was declared gone', async () => {
    const { status, text } = await readiness(api, await agentPod(api, node.name));
    assert.equal(status, 503, text);
    assert.match(text, reason);
  });
  await space.until('its pod to be unready', async () => {
    const pod = await api.get<Pod>(`/api/v1/namespaces/${KUBERNETES_NAMESPACE}/pods/${await agentPod(api, node.name)}`);
    assert.equal(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'False');
  });
});

test('nothing on it is deleted, neither what was released before nor what is released now', async () => {
  await space.removeClaims('late');
  await space.gone(pathOf('late'));
  assert.deepEqual([...(await volumesOn(space, node.name))].sort(), [...before].sort());
});

test('it is readmitted, and its volumes are used again', async () => {
  await admin('node', 'readmit', node.name);
  await untilDriverReady(space);
  assert.deepEqual([...(await volumesOn(space, node.name))].sort(), [...before].sort());
  const script = 'test "$(cat /kept/name)" = kept';
  await api.create(space.path('pods'), { metadata: { name: 'reader' }, spec: endingPod({ '/kept': 'kept' }, node.name, script) });
  await space.until('the reader to end', async () => assert.equal((await space.getPod('reader')).status?.phase, 'Succeeded'));
  await space.removePods('reader');
  const { spec } = await space.volumeOf(MOVED);
  assert.deepEqual(await holdersOf(space, spec.csi?.volumeHandle ?? ''), [`node ${other.name}`]);
  assert.equal(await space.exec('successor', 'cat /data/name'), 'resident\n');
});

test('what was released meanwhile is listed for an admin, who deletes it', async () => {
  const listed = (await admin('orphans', '--min-age=0s')) as { readonly orphans: readonly { readonly id: string }[] };
  assert.deepEqual(listed.orphans.map(({ id }) => id).sort(), [idOf('early'), idOf('late')].sort());
  const agent = await agentPod(api, node.name);
  for (const claim of ['early', 'late']) await convoy(space, agent, 'volumes', 'delete', idOf(claim));
  assert.deepEqual(
    [...(await volumesOn(space, node.name))].sort(),
    before.filter((id) => id !== idOf('early') && id !== idOf('late')).sort(),
  );
});

async function admin(...words: readonly string[]): Promise<unknown> {
  return await convoy(space, await controllerPod(api), ...words);
}

async function forget(name: string): Promise<void> {
  await admin('node', 'forget', name);
}
