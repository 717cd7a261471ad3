import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sleep } from '../rig/shell.ts';
import { agentPod, controllerPod, driverPods, killConvoy } from './lib/driver.ts';
import { untilDriverReady, untilEventOf } from './lib/driver-state.ts';
import { lookAtNodes, type OnNodes, untilAsBefore } from './lib/left-on-nodes.ts';
import { Space, VOLUMES } from './lib/space.ts';
import { comeAndGo, endingPod, restartsOf, scriptPod, visitInTurn, visitors } from './lib/visitors.ts';

/**
 * Claims come and go while what serves them is killed, or out of reach. Afterwards everything is as if nothing had happened:
 * what should be bound is bound, what was deleted is gone, nothing is left on any node, and data of pods that stayed is whole.
 */
/** The last one's volumes are on no node. */
const CLASSES = ['default', 'fast', 'shared'];
const AT_ONCE = 10;
const CUT_MS = 60_000;
const space = await Space.open('drills');
const nodes = space.cluster.nodes.map(({ name }) => name);
let sums: readonly string[] = [];
let calm: OnNodes;

/** One on each node, with a claim of each class: it appends a number to each again and again, after what it wrote first. */
const residentOf = (node: string): string => `resident-${node}`;
const MOUNTS = CLASSES.map((name) => `/${name}`);

before(async () => {
  const script = `
    for d in ${MOUNTS.join(' ')}; do dd if=/dev/urandom of=$d/first bs=64k count=16 2>/dev/null; md5sum $d/first >$d/sum; done
    n=0; trap 'exit 0' TERM
    while :; do n=$((n+1)); for d in ${MOUNTS.join(' ')}; do echo $n >>$d/numbers || exit 1; done; sleep 0.5; done`;
  for (const node of nodes) {
    for (const storageClass of CLASSES) await space.claim(`${storageClass}-${node}`, { storageClass });
    const claims = Object.fromEntries(CLASSES.map((storageClass) => [`/${storageClass}`, `${storageClass}-${node}`]));
    await space.api.create(space.path('pods'), { metadata: { name: residentOf(node) }, spec: scriptPod(claims, node, script) });
  }
  await space.ready(...nodes.map(residentOf));
  sums = await Promise.all(
    nodes.map((node) => space.until('the first data', () => space.exec(residentOf(node), 'test -s /fast/numbers; cat /*/sum'))),
  );
  calm = await lookAtNodes(space);
  assert.equal(calm.volumes.length >= nodes.length * CLASSES.length, true);
});

after(() => space.close());

test('fifty claims come and go while agents, the controller and a kubelet are killed', async () => {
  const all = visitors('visitor', 50, { classes: CLASSES, nodes, stays: (index) => index % 5 === 0 });
  const kills = [
    { after: 5, kill: () => killAgent(nodes[0]) },
    { after: 12, kill: killController },
    { after: 19, kill: () => killAgent(nodes[1]) },
    { after: 26, kill: () => killKubelet(nodes[2]) },
    { after: 33, kill: killController },
    { after: 40, kill: () => killAgent(nodes[2]) },
  ];
  const killed: Promise<void>[] = [];
  await visitInTurn(space, all, AT_ONCE, (count) => {
    const due = kills.find((each) => each.after === count);
    if (due === undefined) return;
    const killing = due.kill();
    killing.catch(() => {}); // awaited below, when all have gone
    killed.push(killing);
  });
  await Promise.all(killed);
  assert.equal(killed.length, kills.length);
  await untilDriverReady(space);

  const staying = all.filter(({ stays }) => stays);
  for (const { name } of staying) assert.equal((await space.getClaim(name)).status?.phase, 'Bound', name);
  for (const { name, node } of staying.filter(({ storageClass }) => storageClass !== 'shared'))
    assert.equal(await space.nodeOf(name), node);
  await Promise.all(
    nodes.map((node) =>
      readAll(
        node,
        staying.flatMap((each) => (each.node === node ? [each.name] : [])),
      ),
    ),
  );
  await removeClaims(...staying.map(({ name }) => name));
  await settled();
});

test('claims come and go on the other nodes while the network of one is cut for a minute, and on it afterwards', async () => {
  const [controller] = await driverPods(space.api, 'controller');
  const cut = nodes.find((node) => node !== controller?.spec.nodeName) ?? assert.fail('all nodes have the controller');
  await space.claim('doomed', { storageClass: 'default' });
  await space.api.create(space.path('pods'), {
    metadata: { name: 'doomed' },
    spec: endingPod({ '/data': 'doomed' }, cut, 'touch /data/x'),
  });
  const doomed = await space.volumeOf('doomed');
  await space.removePods('doomed');
  const all = visitors('cut-visitor', 12, { classes: CLASSES, nodes });

  const node = space.cluster.node(cut);
  await node.cutNetwork();
  const over = sleep(CUT_MS);
  let there: Promise<unknown>;
  try {
    await space.removeClaims('doomed');
    there = Promise.all(all.filter((each) => each.node === cut).map((each) => comeAndGo(space, each)));
    there.catch(() => {}); // awaited below, when the others are through
    await Promise.all(all.filter((each) => each.node !== cut).map((each) => comeAndGo(space, each)));
    await untilEventOf(space, doomed.metadata.name, new RegExp(`node ${cut} .*(cannot be reached|has not answered)`));
    assert.notEqual(await space.api.find(`${VOLUMES}/${doomed.metadata.name}`), undefined, 'deleted without its node');
    await over;
  } finally {
    await node.restoreNetwork();
  }
  await there;
  await space.gone(`${VOLUMES}/${doomed.metadata.name}`);
  await untilDriverReady(space);
  await settled();
});

async function killAgent(node = ''): Promise<void> {
  await killConvoy(space, await agentPod(space.api, node));
}

async function killController(): Promise<void> {
  await killConvoy(space, await controllerPod(space.api));
}

async function killKubelet(node = ''): Promise<void> {
  await space.cluster.node(node).killKubelet();
  await sleep(3000);
  await space.cluster.node(node).startKubelet();
}

/** Nothing is stuck, nothing is left, and who stayed has all of its data and was not interrupted. */
async function settled(): Promise<void> {
  const pods = await space.api.list(space.path('pods'));
  assert.deepEqual(pods.map(({ metadata }) => metadata.name).sort(), nodes.map(residentOf).sort());
  await untilAsBefore(space, calm);
  for (const [index, node] of nodes.entries()) {
    const pod = residentOf(node);
    assert.equal(await space.exec(pod, `md5sum -c /*/sum >/dev/null; cat /*/sum`), sums[index]);
    for (const mount of MOUNTS) {
      const numbers = (await space.exec(pod, `cat ${mount}/numbers`)).trim().split('\n').map(Number);
      assert.deepEqual(
        numbers,
        Array.from(numbers, (_, position) => position + 1),
      );
    }
    assert.equal(await restartsOf(space, pod), 0);
  }
}

/** What each claim's visitor wrote is in it. */
async function readAll(node: string, claims: readonly string[]): Promise<void> {
  const name = `reader-${node}`;
  const script = claims.map((claim) => `test "$(cat /${claim}/name)" = ${claim}`).join(' && ');
  const mounts = Object.fromEntries(claims.map((claim) => [`/${claim}`, claim]));
  await space.api.create(space.path('pods'), { metadata: { name }, spec: endingPod(mounts, node, script) });
  await space.until(`pod ${name} to end well`, async () => assert.equal((await space.getPod(name)).status?.phase, 'Succeeded'));
  await space.removePods(name);
}

async function removeClaims(...names: readonly string[]): Promise<void> {
  const volumes = await Promise.all(names.map((name) => space.volumeOf(name)));
  await space.removeClaims(...names);
  await space.gone(...volumes.map(({ metadata }) => `${VOLUMES}/${metadata.name}`));
}
