import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it, mock } from 'node:test';
import type {
  V1CSIPersistentVolumeSource,
  V1Namespace,
  V1PersistentVolume,
  V1PersistentVolumeSpec,
} from '@kubernetes/client-node/dist/api.js';
import { makeCertificate } from '../../src/channel/certificates.ts';
import type { ConvoyError } from '../../src/convoy/errors.ts';
import { isConvoyError } from '../../src/convoy/errors.ts';
import { nodeKey } from '../../src/convoy/ids.ts';
import { isStatus } from '../../src/kube/api-error.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { KubeClusterView } from '../../src/kube/cluster-view.ts';
import { connectionFrom } from '../../src/kube/connection.ts';
import { ConfigMapGoneNodes } from '../../src/kube/gone-nodes.ts';
import { type ApiServer, asPod, startApiServer, until, whyNoApiServer } from './api-server.ts';
import { makeConfigMap, makeNamespace, NAMESPACE } from './cluster-objects.ts';
import { recordingLog } from './recording-log.ts';

const DRIVER = 'csi.convoy-csi.org';
const codeOf = (read: () => unknown): ConvoyError['code'] | undefined => {
  try {
    read();
    return undefined;
  } catch (error) {
    assert.ok(isConvoyError(error), String(error));
    return error.code;
  }
};

describe('what the controller keeps and reads in a real API server', { skip: whyNoApiServer() }, () => {
  let server: ApiServer;
  before(async () => {
    server = await startApiServer(['nobody']);
    await makeNamespace(server.admin);
  });
  after(() => server.close());

  describe('nodes that are gone', () => {
    let name = '';
    let number = 0;
    beforeEach(async () => {
      number += 1;
      name = `gone-${number}`;
      await makeConfigMap(server.admin, name);
    });
    function open() {
      const log = recordingLog();
      const nodes = new ConfigMapGoneNodes({ client: server.admin, namespace: NAMESPACE, name, log });
      nodes.start();
      return Object.assign(nodes, { [Symbol.asyncDispose]: () => nodes.close() });
    }
    const isRead = (nodes: ConfigMapGoneNodes) => () => codeOf(() => nodes.list()) === undefined;

    it('are unknown until read once, and known over restarts', async () => {
      await using nodes = open();
      assert.equal(
        codeOf(() => nodes.list()),
        'Unavailable',
      );
      await until('it is read', isRead(nodes));
      assert.deepEqual(nodes.list(), []);
      const long = { nodeName: `${'a'.repeat(60)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}`, nodeUid: 'uid', since: 1 };
      const bare = { nodeName: 'bare', since: 2 };
      await nodes.add(long);
      await nodes.add(bare);
      assert.deepEqual(new Set(nodes.list()), new Set([long, bare]), 'known at once');
      await nodes.add(bare);
      await using second = open();
      await until('it is read', isRead(second));
      assert.deepEqual(new Set(second.list()), new Set([long, bare]));
      await second.remove('bare');
      await second.remove('bare');
      await until('the first one learns of it', () => nodes.list().length === 1);
    });

    it('are all kept when many are forgotten at once by two controllers', async () => {
      await using one = open();
      await using two = open();
      await Promise.all([one, two].map((nodes) => until('it is read', isRead(nodes))));
      const names = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
      await Promise.all(names.map((nodeName, index) => (index % 2 === 0 ? one : two).add({ nodeName, since: index })));
      await until('both know all', () => one.list().length === 6 && two.list().length === 6);
    });

    it('are not taken for none when the ConfigMap is gone or damaged', async () => {
      await using nodes = open();
      await until('it is read', isRead(nodes));
      await nodes.add({ nodeName: 'one', since: 1 });
      const { core } = server.admin;
      const object = { namespace: NAMESPACE, name };
      const old = await core.readNamespacedConfigMap(object);
      await core.replaceNamespacedConfigMap({ ...object, body: { ...old, data: { ...old.data, [nodeKey('two')]: '{' } } });
      await until('it is damaged', () => codeOf(() => nodes.list()) === 'Unavailable');
      assert.throws(() => nodes.list(), new RegExp(`key "${nodeKey('two')}" of ConfigMap "${name}".*remove the key`));
      await nodes.add({ nodeName: 'two', since: 2 });
      assert.equal(nodes.list().length, 2, 'forgetting it again mends it');

      await core.deleteNamespacedConfigMap(object);
      await until('it is gone', () => codeOf(() => nodes.list()) === 'Unavailable');
      assert.throws(() => nodes.list(), /does not exist: the chart makes it/);
      await assert.rejects(nodes.add({ nodeName: 'three', since: 3 }), /does not exist: the chart makes it/);
    });

    it('are not said to be kept when the API server is away', async () => {
      await using nodes = open();
      await until('it is read', isRead(nodes));
      await server.kill();
      await assert.rejects(nodes.add({ nodeName: 'one', since: 1 }), (error) => isConvoyError(error, 'Unavailable'));
      assert.deepEqual(nodes.list(), []);
      await server.restart();
    });
  });

  describe('the view of the cluster', () => {
    const create = (name: string, csi: V1CSIPersistentVolumeSource, extra: V1PersistentVolumeSpec = {}): Promise<V1PersistentVolume> => {
      const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], csi, ...extra };
      return server.admin.core.createPersistentVolume({ body: { metadata: { name }, spec } });
    };

    it('lists the volumes of our driver, more than a page of them, and no others', async () => {
      const names = Array.from({ length: 510 }, (_, index) => `pv-${String(index).padStart(3, '0')}`);
      for (let first = 0; first < names.length; first += 50)
        await Promise.all(names.slice(first, first + 50).map((name) => create(name, { driver: DRIVER, volumeHandle: `id-${name}` })));
      await create('foreign', { driver: 'other.example', volumeHandle: 'x' });
      const claimRef = { namespace: 'shop', name: 'data' };
      await create('claimed', { driver: DRIVER, volumeHandle: 'id' }, { claimRef, capacity: { storage: '1500M' } });

      const found = await new KubeClusterView(server.admin, DRIVER).persistentVolumes();
      assert.deepEqual(
        found.map(({ pvName }) => pvName),
        ['claimed', ...names],
      );
      const { createdAt, ...claimed } = found[0] ?? { createdAt: 0 };
      assert.deepEqual(claimed, { pvName: 'claimed', volumeId: 'id', claim: 'shop/data', phase: 'Pending', sizeBytes: 1_500_000_000n });
      assert.ok(Math.abs(Date.now() - createdAt) < 3_600_000);
      assert.equal(found[1]?.claim, undefined);
      assert.deepEqual(await new KubeClusterView(server.admin, 'unknown.example').persistentVolumes(), []);
    });

    it('tells a node that is ready, one that is not, and none', async () => {
      const view = new KubeClusterView(server.admin, DRIVER);
      const { core } = server.admin;
      const node = await core.createNode({ body: { metadata: { name: 'node-1' } } });
      const uid = node.metadata?.uid;
      assert.deepEqual(await view.node('node-1'), { uid, ready: false });
      const status = { conditions: [{ type: 'Ready', status: 'True' }] };
      await core.replaceNodeStatus({ name: 'node-1', body: { ...node, status } });
      assert.deepEqual(await view.node('node-1'), { uid, ready: true });
      assert.equal(await view.node('node-2'), undefined);
    });

    it('is unavailable without rights and without an API server', async () => {
      const powerless = new KubeClusterView(new KubeClient(server.connection('nobody')), DRIVER);
      await assert.rejects(
        powerless.persistentVolumes(),
        (error) => isConvoyError(error, 'Unavailable') && /no right to "list persistentvolumes"/.test(error.message),
      );
      await assert.rejects(
        powerless.node('node-1'),
        (error) => isConvoyError(error, 'Unavailable') && /no right to "get nodes "node-1""/.test(error.message),
      );
      await server.kill();
      const view = new KubeClusterView(server.admin, DRIVER);
      await assert.rejects(view.persistentVolumes(), (error) => isConvoyError(error, 'Unavailable'));
      await assert.rejects(view.node('node-1'), (error) => isConvoyError(error, 'Unavailable'));
      await server.restart();
    });
  });

  describe('the client', () => {
    const read = (client: KubeClient, signal?: AbortSignal): Promise<V1Namespace> =>
      client.ask(
        'get',
        { api: 'v1', resource: 'namespaces', name: NAMESPACE },
        (call) => client.core.readNamespace({ name: NAMESPACE }, call),
        signal,
      );

    it('logs in as a pod does, with a token that is read anew', async () => {
      const { prefix, tokenFile } = server.serviceAccount('nobody');
      const client = new KubeClient(asPod(server.environment, prefix));
      await assert.rejects(read(client), (error) => isStatus(error, 403));
      writeFileSync(tokenFile, 'admin');
      // The library looks at the file once a minute.
      mock.timers.enable({ apis: ['Date'], now: Date.now() + 61_000 });
      try {
        assert.equal((await read(client)).metadata?.name, NAMESPACE);
      } finally {
        mock.timers.reset();
      }
      await client.close();
    });

    it('says that its credentials are not accepted', async () => {
      const client = new KubeClient(asPod(server.environment, server.serviceAccount('stranger').prefix));
      await assert.rejects(
        read(client),
        (error) => isStatus(error, 401) && isConvoyError(error, 'Unavailable') && /credentials/.test(error.message),
      );
      await client.close();
    });

    it('gives up a call that is not answered in its time, or no longer wanted', async () => {
      server.pause();
      try {
        const stop = new AbortController();
        const asked = read(server.admin, stop.signal);
        stop.abort();
        await assert.rejects(asked, (error) => isConvoyError(error, 'Cancelled'));
        await assert.rejects(
          read(server.admin),
          (error) => isConvoyError(error, 'Unavailable') && /no answer within 10 s/.test(error.message),
        );
      } finally {
        server.resume();
      }
      assert.equal((await read(server.admin)).metadata?.name, NAMESPACE);
    });

    it('says where credentials were looked for', async () => {
      assert.throws(
        () => connectionFrom({}),
        (error) => isConvoyError(error, 'Precondition') && /set KUBECONFIG/.test(error.message),
      );
      assert.throws(
        () => connectionFrom({ KUBECONFIG: '/nonexistent' }),
        (error) => isConvoyError(error, 'Precondition') && /\/nonexistent/.test(error.message),
      );
      const client = new KubeClient(asPod(server.environment, '/nonexistent'));
      await assert.rejects(
        read(client),
        (error) => isConvoyError(error, 'Unavailable') && /\/nonexistent\/.*\/(token|ca\.crt) cannot be read/.test(error.message),
      );
    });

    it('does not talk to a server of another authority', async () => {
      const { prefix, caFile } = server.serviceAccount('admin');
      const { certificate } = await makeCertificate({
        purpose: 'server',
        subject: 'x',
        names: [],
        notBefore: Date.now() - 1000,
        notAfter: Date.now() + 60_000,
      });
      writeFileSync(caFile, certificate);
      const client = new KubeClient(asPod(server.environment, prefix));
      await assert.rejects(read(client), (error) => isConvoyError(error, 'Unavailable') && /certificate/.test(error.message));
      await client.close();
    });
  });
});
