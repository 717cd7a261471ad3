import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { KUBERNETES_NAMESPACE, RELEASE } from '../rig/paths.ts';
import { agentPod, bytesOf, controllerPod, convoy, DRIVER, driverPods, http, sample, storageClass } from './lib/driver.ts';
import type { Volume } from './lib/objects.ts';
import { CLASSES, Space, VOLUMES } from './lib/space.ts';
import { notYet } from './lib/waiting.ts';

/** What an admin sees: statistics, metrics, readiness, `helm test`, the command in the controller's pod. */
const space = await Space.open('observability');
after(() => space.close());
const { api } = space;

interface Summary {
  readonly pods: readonly {
    readonly volume?: readonly {
      readonly pvcRef?: { readonly name: string; readonly namespace: string };
      readonly capacityBytes?: number;
      readonly usedBytes?: number;
    }[];
  }[];
}

suite('observability', { concurrency: true }, () => {
  test("a claim's statistics are in the kubelet's summary", async () => {
    await space.claim('stats', { storageClass: 'fast' });
    await space.claim('directory', { storageClass: 'default' });
    await space.run('stats', { claims: { '/data': 'stats', '/directory': 'directory' } });
    await space.exec('stats', 'dd if=/dev/urandom of=/data/file bs=1M count=8 2>/dev/null; sync');
    const node = await space.podNode('stats');
    await space.until('both claims in the summary', async () => {
      const { pods } = await api.get<Summary>(`/api/v1/nodes/${node}/proxy/stats/summary`);
      const found = pods.flatMap(({ volume = [] }) => volume).filter(({ pvcRef }) => pvcRef?.namespace === space.name);
      const of = (claim: string) => found.find(({ pvcRef }) => pvcRef?.name === claim) ?? notYet(`no ${claim} in ${JSON.stringify(found)}`);
      const { capacityBytes = 0, usedBytes = 0 } = of('stats');
      assert.ok(capacityBytes > bytesOf('40Mi') && capacityBytes <= bytesOf('64Mi'), `capacity ${capacityBytes}`);
      assert.ok(usedBytes >= bytesOf('8Mi') && usedBytes < capacityBytes, `used ${usedBytes}`);
      assert.ok((of('directory').capacityBytes ?? 0) > bytesOf('1Gi'));
    });
  });

  test('metrics of controller and agents, through the API server and from a pod', metrics);

  test('all pods of the driver are alive and ready', async () => {
    for (const { metadata } of [...(await driverPods(api, 'controller')), ...(await driverPods(api, 'node'))])
      for (const path of ['/healthz', '/readyz'])
        assert.match(await http(api, metadata.name, path), /ok|ready/i, `${metadata.name} ${path}`);
  });

  test('helm test passes, and leaves nothing', async () => {
    const said = await space.cluster.helm(['test', RELEASE, '--namespace', KUBERNETES_NAMESPACE, '--timeout=3m', '--logs']);
    assert.match(said, /Phase:\s+Succeeded/);
    assert.match(said, /ok: a pod reads the volume that was restored from it/);
    assert.deepEqual(await api.list(`/api/v1/namespaces/${KUBERNETES_NAMESPACE}/persistentvolumeclaims`), []);
  });

  test('convoy node list: every node with its pools', async () => {
    const listed = (await convoy(space, await controllerPod(api), 'node', 'list')) as readonly {
      readonly name: string;
      readonly state: string;
      readonly pools: readonly { readonly name: string; readonly open: boolean }[];
    }[];
    assert.deepEqual(
      listed.map(({ name, state }) => `${name} ${state}`),
      space.cluster.nodes.map(({ name }) => `${name} connected`).sort(),
    );
    for (const { name, pools } of listed) {
      assert.deepEqual(
        pools.filter(({ open }) => !open),
        [],
        `${name} has pools that are not open`,
      );
      assert.equal(pools.map((pool) => pool.name).includes('rare'), name === 'node-3');
    }
  });

  test('convoy orphans: a volume without its PersistentVolume, and the reverse', orphans);
});

async function metrics(): Promise<void> {
  await space.claim('scrape', { storageClass: 'default' });
  await space.run('scrape', { claims: { '/data': 'scrape' } });
  const controller = await http(api, await controllerPod(api), '/metrics');
  assert.equal(sample(controller, 'convoy_agents', { state: 'connected' }), space.cluster.nodes.length);
  assert.ok(sample(controller, 'convoy_csi_calls_total', { method: 'CreateVolume', code: 'OK' }) >= 1);
  assert.equal(sample(controller, 'convoy_build_info', { role: 'controller' }), 1);

  const node = await space.podNode('scrape');
  const agent = (await driverPods(api, 'node')).find(({ spec }) => spec.nodeName === node);
  const scraped = await space.exec('scrape', `wget -qO- http://${agent?.status?.podIP}:9808/metrics`);
  assert.equal(sample(scraped, 'convoy_pool_open', { pool: 'default' }), 1);
  assert.ok(sample(scraped, 'convoy_volumes', { pool: 'default' }) >= 1);
  assert.ok(sample(scraped, 'convoy_csi_calls_total', { method: 'NodePublishVolume', code: 'OK' }) >= 1);
  assert.equal(sample(scraped, 'convoy_build_info', { role: 'node' }), 1);
}

interface Orphans {
  readonly orphans: readonly {
    readonly id: string;
    readonly node: string;
    readonly pool: string;
    readonly sizeBytes: number;
    readonly createdAt: string;
  }[];
  readonly lost: readonly {
    readonly persistentVolume: string;
    readonly volumeId: string;
    readonly phase: string;
    readonly createdAt: string;
  }[];
  readonly silent: readonly unknown[];
}

async function orphans(): Promise<void> {
  await space.outside(CLASSES, storageClass('observability-kept', { pool: 'fast' }, { retain: true }));
  await space.claim('orphan', { storageClass: 'observability-kept' });
  const volume = await space.volumeOf('orphan');
  const node = await space.nodeOf('orphan');
  const handle = volume.spec.csi?.volumeHandle ?? assert.fail('a PersistentVolume without a handle');
  await space.removeClaims('orphan');
  await space.api.remove(`${VOLUMES}/${volume.metadata.name}`);
  await space.gone(`${VOLUMES}/${volume.metadata.name}`);

  const missing = `${handle.slice(0, -1)}${handle.endsWith('0') ? '1' : '0'}`;
  await space.outside<Volume>(VOLUMES, {
    metadata: { name: 'observability-lost' },
    spec: { ...volume.spec, claimRef: null, csi: { driver: DRIVER, volumeHandle: missing } },
  });
  const controller = await controllerPod(api);
  const found = (await convoy(space, controller, 'orphans', '--min-age', '0s')) as Orphans;
  assert.deepEqual(found.silent, []);
  const orphan = found.orphans.find(({ id }) => id === handle) ?? assert.fail(`no ${handle} in ${JSON.stringify(found)}`);
  assert.deepEqual([orphan.node, orphan.pool, orphan.sizeBytes], [node, 'fast', bytesOf('64Mi')]);
  assert.ok(Math.abs(Date.parse(orphan.createdAt) - Date.parse(volume.metadata.creationTimestamp)) < 60_000, orphan.createdAt);
  const lost = found.lost.find(({ persistentVolume }) => persistentVolume === 'observability-lost') ?? assert.fail(JSON.stringify(found));
  assert.equal(lost.volumeId, missing);
  // What is young may be in the making, and is not judged unless it is asked for.
  const judged = (await convoy(space, controller, 'orphans')) as Orphans;
  assert.ok(!judged.orphans.some(({ id }) => id === handle));

  await convoy(space, await agentPod(api, node), 'volumes', 'delete', handle);
  const after = (await convoy(space, controller, 'orphans', '--min-age', '0s')) as Orphans;
  assert.ok(!after.orphans.some(({ id }) => id === handle));
}
