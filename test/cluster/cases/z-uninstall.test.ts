import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KUBERNETES_NAMESPACE, RELEASE } from '../rig/paths.ts';
import { CommandError } from '../rig/shell.ts';
import { DRIVER, driverPods } from './lib/driver.ts';
import { untilDriverReady } from './lib/driver-state.ts';
import { lookAtNodes } from './lib/left-on-nodes.ts';
import type { Pod } from './lib/objects.ts';
import { Space } from './lib/space.ts';
import { comeAndGo, visitors } from './lib/visitors.ts';
import { progress, startWriters, stillWriting, type WriterPod } from './lib/writers.ts';

/** Last of all files: it takes the chart away, and brings it back. */
const space = await Space.open('uninstall');
const { api, cluster } = space;
const nodes = cluster.nodes.map(({ name }) => name);
const CSI_DRIVER = `/apis/storage.k8s.io/v1/csidrivers/${DRIVER}`;
const writers: readonly WriterPod[] = nodes.map((node) => ({
  name: `writer-${node}`,
  node,
  claims: { [`vfs-${node}`]: 'default', [`loop-${node}`]: 'fast', [`shared-${node}`]: 'shared' },
}));
const claims = writers.flatMap((writer) => Object.keys(writer.claims));
let values = '';

before(async () => {
  values = await helm('get', 'values', RELEASE, '--output', 'yaml');
  await startWriters(space, writers);
});

after(async () => {
  // Whatever went wrong: other files may be run again on this cluster.
  if ((await api.find(CSI_DRIVER)) === undefined) await cluster.installChart(values);
  await space.close();
});

test('with claims left it is refused, names them, and the way back is as it says', async () => {
  const begun = await progress(space, writers);
  const pods = await uidsOfDriver();
  const { stdout, stderr } = await failed(() => helm('uninstall', RELEASE));
  const said = `${stdout}\n${stderr}`;
  assert.match(said, new RegExp(`Not uninstalled: driver ${DRIVER} still has`));
  for (const claim of claims) assert.match(said, new RegExp(`claim ${space.name}/${claim}\\)`));
  // Helm shows the log of the job as one line, its line ends escaped.
  const [, back] = /helm (rollback [^"\\\n]+)/.exec(said) ?? [];
  await cluster.helm(back?.split(' ') ?? assert.fail(`it says no way back:\n${said}`));
  const status = JSON.parse(await helm('status', RELEASE, '--output', 'json')) as { readonly info: { readonly status: string } };
  assert.equal(status.info.status, 'deployed');
  await stillWriting(space, writers, begun);
  assert.deepEqual(await uidsOfDriver(), pods);
});

test('with force it goes, and pods keep their volumes', async () => {
  const begun = await progress(space, writers);
  const { mounts, loops } = await lookAtNodes(space);
  await cluster.installChart(values, ['--set=uninstall.force=true']);
  await helm('uninstall', RELEASE, '--wait');
  await space.until('the pods of the driver to go', async () => {
    assert.deepEqual(
      await api.list(`/api/v1/namespaces/${KUBERNETES_NAMESPACE}/pods?labelSelector=app.kubernetes.io/component%20in%20(controller,node)`),
      [],
    );
  });
  assert.equal(await api.find(CSI_DRIVER), undefined);
  await stillWriting(space, writers, begun);
  for (const claim of claims) assert.equal((await space.getClaim(claim)).status?.phase, 'Bound');
  const table = await Promise.all(cluster.nodes.map((node) => node.run(['cat', '/proc/self/mountinfo'])));
  for (const mount of mounts)
    assert.ok(
      table.some((each) => each.includes(mount.split(' ')[1] ?? '')),
      mount,
    );
  assert.equal(loops.length > 0, true);
});

test('installed again it serves what was there, and new claims', async () => {
  await cluster.installChart(values);
  await untilDriverReady(space);
  const before = await progress(space, writers);
  await stillWriting(space, writers, before);
  const [first = assert.fail('no writer')] = writers;
  // The kubelet unmounts and mounts again what the old driver had mounted.
  await space.removePods(first.name);
  const count = before.get(`vfs-${first.node}`) ?? 0;
  await space.run('reader', { node: first.node, claims: { '/data': `vfs-${first.node}`, '/fast': `loop-${first.node}` } });
  assert.ok(Number(await space.exec('reader', 'tail -n 1 /data/numbers')) >= count);
  assert.ok(Number(await space.exec('reader', 'tail -n 1 /fast/numbers')) >= count);
  // What is global goes on elsewhere: its node has let go of what it held for the old driver.
  const [, second = assert.fail('one writer is too few')] = writers;
  await space.run('elsewhere', { node: second.node, claims: { '/data': `shared-${first.node}` } });
  assert.ok(Number(await space.exec('elsewhere', 'tail -n 1 /data/numbers')) >= (before.get(`shared-${first.node}`) ?? 0));
  await Promise.all(visitors('new', 9, { classes: ['fast', 'default', 'shared'], nodes }).map((each) => comeAndGo(space, each)));
});

async function uidsOfDriver(): Promise<readonly string[]> {
  const pods: readonly Pod[] = [...(await driverPods(api, 'node')), ...(await driverPods(api, 'controller'))];
  return pods.map(({ metadata }) => metadata.uid).sort();
}

async function failed(work: () => Promise<unknown>): Promise<CommandError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  return assert.fail('it was not refused');
}

async function helm(...words: readonly string[]): Promise<string> {
  return await cluster.helm([...words, '--namespace', KUBERNETES_NAMESPACE]);
}
