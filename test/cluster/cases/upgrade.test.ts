import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ownImage } from '../rig/chart.ts';
import { KUBERNETES_NAMESPACE, RELEASE } from '../rig/paths.ts';
import type { KubeObject } from './lib/api.ts';
import { driverPods } from './lib/driver.ts';
import { untilDriverReady } from './lib/driver-state.ts';
import { Space } from './lib/space.ts';
import { comeAndGo, visitors } from './lib/visitors.ts';
import { progress, startWriters, stillWriting, type WriterPod } from './lib/writers.ts';

/**
 * `helm upgrade` to another image with other values while fifty pods write: none of them notices. What a version without roles left
 * behind is test/roles/upgrade.test.ts.
 */
const PODS = 50;
const CLASSES = ['default', 'fast', 'reflink', 'image', 'docker', 'shared'];
const space = await Space.open('upgrade');
const { api, cluster } = space;
const nodes = cluster.nodes.map(({ name }) => name);
const writers: readonly WriterPod[] = Array.from({ length: PODS }, (_, index) => ({
  name: `writer-${index}`,
  node: nodes[index % nodes.length] ?? '',
  claims: { [`writer-${index}`]: CLASSES[index % CLASSES.length] ?? '' },
}));

interface DriverPod extends KubeObject {
  readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
}
/** Of every pod of the driver. */
async function images(): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${KUBERNETES_NAMESPACE}/pods?labelSelector=app.kubernetes.io/component%20in%20(controller,node)`;
  const pods = (await api.list<DriverPod>(path)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return pods.map(({ spec }) => spec.containers.find(({ name }) => name === 'convoy')?.image ?? assert.fail('a pod without convoy'));
}

before(() => startWriters(space, writers));
after(() => space.close());

test('another image and other values, and every writer goes on', async () => {
  const [old = ''] = await images();
  // In a second run on one cluster the other way round.
  const tag = old.endsWith(':next') ? 'after-next' : 'next';
  const reference = old.replace(/:[^:]*$/, `:${tag}`);
  await cluster.buildImage({ reference });
  const values = await helm('get', 'values', RELEASE, '--output', 'yaml');
  assert.notEqual(await ownImage(values), reference);
  const begun = await progress(space, writers);
  const flags = [`--set=image.tag=${tag}`, `--set=node.podAnnotations.upgraded=${tag}`, '--set=node.maxUnavailable=2'];
  await cluster.installChart(values, flags);
  assert.deepEqual([...new Set(await images())], [reference]);
  await stillWriting(space, writers, begun);
  const pods = await driverPods(api, 'node');
  assert.deepEqual([...new Set(pods.map(({ metadata }) => metadata.annotations?.['upgraded']))], [tag]);
});

test('new claims work, and those from before are snapshotted', async () => {
  await untilDriverReady(space);
  await Promise.all(visitors('new', 9, { classes: ['fast', 'default', 'shared'], nodes }).map((each) => comeAndGo(space, each)));
  await space.snapshot('of-before', 'writer-0');
  await space.snapshotReady('of-before');
});

async function helm(...words: readonly string[]): Promise<string> {
  return await cluster.helm([...words, '--namespace', KUBERNETES_NAMESPACE]);
}
