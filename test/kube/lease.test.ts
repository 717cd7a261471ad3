import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { V1Lease, V1LeaseSpec } from '@kubernetes/client-node/dist/api.js';
import { makeCertificate } from '../../src/channel/certificates.ts';
import { isConvoyError } from '../../src/convoy/errors.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { type Kube, openKube } from '../../src/kube/index.ts';
import { Lease } from '../../src/kube/lease.ts';
import { type ApiServer, startApiServer, until, whyNoApiServer } from './api-server.ts';
import { makeConfigMap, makeNamespace, makeSecret, makeSlice, NAMESPACE, removeSlices, SERVICE } from './cluster-objects.ts';
import { recordingLog } from './recording-log.ts';

const never = new AbortController().signal;

describe('the lease of the one controller in a real API server', { skip: whyNoApiServer() }, () => {
  let server: ApiServer;
  let number = 0;
  let name = '';
  before(async () => {
    server = await startApiServer();
    await makeNamespace(server.admin);
  });
  after(() => server.close());
  beforeEach(() => {
    number += 1;
    name = `lease-${number}`;
  });

  function open(holder: string, durationMs = 4000) {
    const client = new KubeClient(server.connection('admin'));
    const lease = new Lease({ client, namespace: NAMESPACE, name, holder, log: recordingLog(), durationMs, renewMs: durationMs / 6 });
    return Object.assign(lease, {
      /** As after kill -9: nothing is released. */
      die: () => client.close(),
      [Symbol.asyncDispose]: async () => {
        await lease.release();
        await client.close();
      },
    });
  }
  const read = (): Promise<V1Lease> => server.admin.coordination.readNamespacedLease({ namespace: NAMESPACE, name });
  const write = (body: V1Lease): Promise<V1Lease> => server.admin.coordination.replaceNamespacedLease({ namespace: NAMESPACE, name, body });
  const stored = async (): Promise<V1LeaseSpec> => (await read()).spec ?? {};

  it('is made, held, renewed, and released for a successor that waits', async () => {
    await using first = open('one');
    assert.match(first.problem() ?? '', /does not hold the lease "lease-\d+"/);
    await first.acquire(never);
    assert.equal(first.problem(), undefined);
    const { holderIdentity, renewTime } = await stored();
    assert.equal(holderIdentity, 'one');
    await until('it is renewed', async () => (await stored()).renewTime !== renewTime);

    await using second = open('two');
    const acquired = second.acquire(never);
    await until('the second one waits', () => /"one" holds it/.test(second.problem() ?? ''));
    await first.release();
    await acquired;
    const spec = await stored();
    assert.deepEqual([spec.holderIdentity, spec.leaseTransitions], ['two', 2]);
    assert.equal(second.lost.aborted || first.lost.aborted, false);
  });

  it('is taken over from one who has died, but not while it is renewed', async () => {
    await using first = open('one');
    await first.acquire(never);
    await using second = open('two');
    const acquired = second.acquire(never);
    // Longer than its duration: it is renewed meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    assert.equal((await stored()).holderIdentity, 'one');
    await first.die();
    await acquired;
    assert.equal((await stored()).holderIdentity, 'two');
    await until('the dead one would know', () => first.lost.aborted);
  });

  it('is taken at once by the same holder, started anew', async () => {
    await using first = open('one', 60_000);
    await first.acquire(never);
    await first.die();
    await using second = open('one', 60_000);
    await second.acquire(never);
    assert.equal(second.problem(), undefined);
  });

  it('goes to one of many who start at once', async () => {
    const stop = new AbortController();
    const leases = ['a', 'b', 'c'].map((holder) => open(holder, 60_000));
    const outcomes = leases.map((lease) =>
      lease.acquire(stop.signal).then(
        () => 'held',
        (error: unknown) => (isConvoyError(error, 'Cancelled') ? 'gave up' : String(error)),
      ),
    );
    await Promise.race(outcomes);
    await until('the others wait', () => leases.filter((lease) => /holds it/.test(lease.problem() ?? '')).length === 2);
    stop.abort();
    assert.deepEqual((await Promise.all(outcomes)).sort(), ['gave up', 'gave up', 'held']);
    for (const lease of leases) await lease[Symbol.asyncDispose]();
  });

  it('is lost to somebody else who took it, or deleted it', async () => {
    for (const steal of [
      async () => {
        const found = await read();
        await write({ ...found, spec: { ...found.spec, holderIdentity: 'thief' } });
      },
      () => server.admin.coordination.deleteNamespacedLease({ namespace: NAMESPACE, name }),
    ]) {
      name = `${name}-x`;
      await using lease = open('one');
      await lease.acquire(never);
      await steal();
      await until('it is lost', () => lease.lost.aborted);
      assert.match(String(lease.lost.reason), /is lost: ("thief" took it over|somebody deleted it); this controller ends/);
      assert.notEqual(lease.problem(), undefined);
    }
  });

  it('survives an edit by somebody else', async () => {
    await using lease = open('one');
    await lease.acquire(never);
    const found = await read();
    await write({ ...found, metadata: { ...found.metadata, annotations: { note: 'x' } } });
    for (const _ of ['once', 'again']) {
      const { renewTime } = await stored();
      await until('it is renewed', async () => (await stored()).renewTime !== renewTime);
    }
    assert.equal(lease.lost.aborted, false);
  });

  it('is lost when the API server does not answer in time, and outlasts a short outage', async () => {
    await using patient = open('one', 30_000);
    await patient.acquire(never);
    name = `${name}-short`;
    await using lease = open('one', 1500);
    await lease.acquire(never);
    server.pause();
    await until('it is lost', () => lease.lost.aborted);
    server.resume();
    assert.match(String(lease.lost.reason), /could not be renewed for 1 s/);
    assert.equal(patient.lost.aborted, false);
    assert.equal(patient.problem(), undefined);
  });

  it('gives up waiting when told to', async () => {
    await using first = open('one');
    await first.acquire(never);
    await using second = open('two');
    await assert.rejects(second.acquire(AbortSignal.timeout(300)), (error) => isConvoyError(error, 'Cancelled'));
  });
});

describe('everything of Kubernetes together', { skip: whyNoApiServer() }, () => {
  let server: ApiServer;
  before(async () => {
    server = await startApiServer();
    await makeNamespace(server.admin);
    await makeSecret(server.admin, 'identity');
    for (const name of ['certificate', 'gone']) await makeConfigMap(server.admin, name);
  });
  after(() => server.close());

  const open = (holder: string): Promise<Kube> =>
    openKube(
      {
        driverName: 'csi.convoy-csi.org',
        namespace: NAMESPACE,
        service: SERVICE,
        serviceAccount: 'convoy-csi-node',
        identitySecret: 'identity',
        certificateConfigMap: 'certificate',
        goneNodesConfigMap: 'gone',
        lease: 'controller',
      },
      { log: recordingLog(), environment: { KUBECONFIG: server.kubeconfig('admin') }, holder, makeCertificate },
    );

  it('becomes ready, hands over to a successor, and leaves nothing running', async () => {
    const first = await open(hostname());
    assert.equal(first.problems().length, 4, first.problems().join('; '));
    await first.takeOver(never);
    await until('it is ready', () => first.problems().length === 0);
    await makeSlice(server.admin, 'a', [{ address: '192.0.2.1', node: 'one', pod: 'p1' }]);
    await until('an agent is known', () => first.discovery.agents().length === 1);
    const { certificate } = await first.identity.current();

    const second = await open('successor');
    const taken = second.takeOver(never);
    await until('it waits', () => second.problems().some((problem) => problem.includes('holds it')));
    await first.close();
    await taken;
    await until('it is ready', () => second.problems().length === 0);
    assert.equal((await second.identity.current()).certificate, certificate);
    await second.close();
    await removeSlices(server.admin, 'a');
  });
});
