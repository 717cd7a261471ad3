import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isConvoyError } from '../../src/convoy/errors.ts';
import { isStatus } from '../../src/kube/api-error.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { EndpointSlices } from '../../src/kube/endpoint-slices.ts';
import { type ApiServer, asPod, startApiServer, until, whyNoApiServer } from './api-server.ts';
import { grant, makeNamespace, makeSlice, NAMESPACE, removeSlices, SERVICE, sliceOf } from './cluster-objects.ts';
import { startProxy } from './frozen-proxy.ts';
import { recordingLog } from './recording-log.ts';

describe('discovery by EndpointSlices of a real API server', { skip: whyNoApiServer() }, () => {
  let server: ApiServer;
  before(async () => {
    server = await startApiServer(['nobody', 'reader']);
    await makeNamespace(server.admin);
    await grant(server, 'reader', [{ apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] }]);
  });
  after(() => server.close());

  /** With the two verbs that the chart gives, and no other. */
  function discover(options: { relistMs?: number; client?: KubeClient } = {}) {
    const log = recordingLog();
    const client = options.client ?? new KubeClient(server.connection('reader'));
    const { relistMs } = options;
    const discovery = new EndpointSlices({
      client,
      namespace: NAMESPACE,
      service: SERVICE,
      log,
      ...(relistMs === undefined ? {} : { relistMs }),
    });
    let changes = 0;
    const stop = new AbortController();
    discovery.watch(stop.signal, () => (changes += 1));
    return {
      log,
      discovery,
      stop,
      changes: () => changes,
      nodes: () => discovery.agents().map(({ nodeName, host }) => `${nodeName}=${host}`),
      [Symbol.asyncDispose]: async () => {
        await discovery.close();
        await client.close();
      },
    };
  }
  const isRead = (discovery: EndpointSlices) => () => {
    try {
      return discovery.agents() !== undefined;
    } catch (error) {
      assert.ok(isConvoyError(error, 'Unavailable'), String(error));
      return false;
    }
  };
  const change = async (name: string, endpoints: Parameters<typeof sliceOf>[1]): Promise<void> => {
    const { discovery } = server.admin;
    const { metadata } = await discovery.readNamespacedEndpointSlice({ namespace: NAMESPACE, name });
    const body = { ...sliceOf(name, endpoints), ...(metadata === undefined ? {} : { metadata }) };
    await discovery.replaceNamespacedEndpointSlice({ namespace: NAMESPACE, name, body });
  };
  const create = (body: ReturnType<typeof sliceOf>): Promise<unknown> =>
    server.admin.discovery.createNamespacedEndpointSlice({ namespace: NAMESPACE, body });
  const remove = (...names: string[]): Promise<void> => removeSlices(server.admin, ...names);

  it('is unavailable until it has read, then follows what is added, changed and removed', async () => {
    await using rig = discover();
    assert.throws(() => rig.discovery.agents(), /endpointslices of namespace "convoy-csi" were not read yet/);
    rig.discovery.start();
    await until('the empty list is read', isRead(rig.discovery));
    assert.deepEqual(rig.nodes(), []);
    assert.equal(rig.changes(), 1, 'that nothing is there is news too');

    await makeSlice(server.admin, 'a', [{ address: '192.0.2.1', node: 'one', pod: 'p1' }]);
    await until('one is there', () => rig.nodes().length === 1);
    assert.deepEqual(rig.discovery.agents(), [{ nodeName: 'one', host: '192.0.2.1', port: 9809, podUid: 'p1', serving: true }]);

    await makeSlice(server.admin, 'a6', [{ address: '2001:db8::1', node: 'one', pod: 'p1' }], 'IPv6');
    await makeSlice(server.admin, 'b', [{ address: '192.0.2.2', node: 'two', pod: 'p2', serving: false }]);
    await until('two is there', () => rig.nodes().length === 2);
    assert.deepEqual(rig.nodes(), ['one=192.0.2.1', 'two=192.0.2.2'], 'both families are one agent');

    await change('b', [{ address: '192.0.2.22', node: 'two', pod: 'p22' }]);
    await until('its pod was replaced', () => rig.nodes().includes('two=192.0.2.22'));
    const seen = rig.changes();
    rig.stop.abort();
    await remove('a', 'a6', 'b');
    await until('all are gone', () => rig.nodes().length === 0);
    assert.equal(rig.changes(), seen, 'nobody is called back after the abort');
  });

  it('ignores other services, other ports and what no pod on a node stands behind', async () => {
    await using rig = discover();
    const other = sliceOf('other', [{ address: '192.0.2.9', node: 'nine', pod: 'p9' }]);
    await create({ ...other, metadata: { name: 'other', labels: { 'kubernetes.io/service-name': 'other' } } });
    await create({ ...sliceOf('noport', [{ address: '192.0.2.8', node: 'eight', pod: 'p8' }]), ports: [] });
    await makeSlice(server.admin, 'odd', [
      { address: '192.0.2.7', node: 'seven' },
      { address: '192.0.2.6', pod: 'p6' },
      { address: '192.0.2.5', node: 'five', pod: 'p5' },
    ]);
    rig.discovery.start();
    await until('it is read', isRead(rig.discovery));
    assert.deepEqual(rig.nodes(), ['five=192.0.2.5']);
    assert.ok(rig.log.entries.some((entry) => entry.startsWith('debug: an endpoint without a node or a pod')));
    await remove('other', 'noport', 'odd');
  });

  it('keeps what it knew while the API server is away, and learns what changed when it is back', async () => {
    await using rig = discover();
    await makeSlice(server.admin, 'a', [{ address: '192.0.2.1', node: 'one', pod: 'p1' }]);
    rig.discovery.start();
    await until('it is read', isRead(rig.discovery));
    await server.kill();
    await until('the outage is noticed', () => rig.log.entries.some((entry) => entry.startsWith('warn: the API server does not tell')));
    assert.deepEqual(rig.nodes(), ['one=192.0.2.1']);
    await server.restart();
    await remove('a');
    await makeSlice(server.admin, 'b', [{ address: '192.0.2.2', node: 'two', pod: 'p2' }]);
    await until('both changes are known', () => rig.nodes().join() === 'two=192.0.2.2');
    assert.ok(rig.log.entries.includes('info: the API server answers again'));
    await remove('b');
  });

  it('is unavailable with the reason when it starts before the API server', async () => {
    await server.kill();
    await using rig = discover();
    rig.discovery.start();
    await until('the reason is told', () => {
      try {
        rig.discovery.agents();
        return false;
      } catch (error) {
        return /cannot be reached for "list endpointslices.discovery.k8s.io \(namespace "convoy-csi"\)" \(nothing listens there\)/.test(
          String(error),
        );
      }
    });
    await server.restart();
    await until('it is read', isRead(rig.discovery));
  });

  it('finds out a connection that went silent', async () => {
    await using stack = new AsyncDisposableStack();
    const proxy = stack.adopt(await startProxy(Number(server.environment.KUBERNETES_SERVICE_PORT)), (open) => open.close());
    const environment = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(proxy.port) };
    const client = new KubeClient(asPod(environment, server.serviceAccount('reader').prefix));
    await using rig = discover({ client, relistMs: 1000 });
    rig.discovery.start();
    await until('it is read', isRead(rig.discovery));
    proxy.freeze();
    await makeSlice(server.admin, 'a', [{ address: '192.0.2.1', node: 'one', pod: 'p1' }]);
    await until('the change is known all the same', () => rig.nodes().length === 1);
    await remove('a');
  });

  it('calls nobody back for a list that tells nothing new', async () => {
    await using rig = discover({ relistMs: 1000 });
    rig.discovery.start();
    await until('it is read', isRead(rig.discovery));
    const before = rig.changes();
    await makeSlice(server.admin, 'a', [{ address: '192.0.2.1', node: 'one', pod: 'p1' }]);
    await until('it is known', () => rig.changes() > before);
    const known = rig.changes();
    // Longer than two lists take.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.equal(rig.changes(), known);
    await remove('a');
    await until('it is gone', () => rig.nodes().length === 0);
  });

  it('names the right that is missing', async () => {
    const client = new KubeClient(server.connection('nobody'));
    await using rig = discover({ client });
    rig.discovery.start();
    await until('it was asked', () => rig.log.entries.length > 0);
    assert.throws(
      () => rig.discovery.agents(),
      (error) =>
        isConvoyError(error, 'Unavailable') &&
        /has no right to "list endpointslices\.discovery\.k8s\.io \(namespace "convoy-csi"\)": the roles of the chart give it.*User "nobody" cannot list/.test(
          error.message,
        ),
    );
  });

  it('is told when a version is too old to watch from, which a new list mends', async () => {
    const place = { api: 'discovery.k8s.io/v1', resource: 'endpointslices', namespace: NAMESPACE };
    await assert.rejects(
      server.admin.watch(place, {}, '1', 5, () => {}, AbortSignal.timeout(20_000)),
      (error) => isStatus(error, 410),
    );
  });
});
