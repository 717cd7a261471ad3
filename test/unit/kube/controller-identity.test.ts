import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeCertificate } from '../../../src/channel/certificates.ts';
import { ConvoyError, isConvoyError } from '../../../src/convoy/errors.ts';
import { KubeApiError } from '../../../src/kube/api-error.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { ControllerIdentity } from '../../../src/kube/controller-identity.ts';

const put = (): void => {};
const log = { debug: put, info: put, warn: put, error: put, child: () => log };

/** Objects in memory; `mayRead` is waited for by every read. */
function open(mayRead: Promise<void>): ControllerIdentity {
  const read = async (): Promise<object> => {
    await mayRead;
    return {};
  };
  const write = async (): Promise<object> => ({});
  const core = {
    readNamespacedConfigMap: read,
    readNamespacedSecret: read,
    replaceNamespacedConfigMap: write,
    replaceNamespacedSecret: write,
  };
  const client = { core, ask: (_verb: string, _place: object, call: (options: object) => Promise<object>) => call({}) };
  return new ControllerIdentity({
    client: client as unknown as KubeClient,
    namespace: 'n',
    secret: 's',
    configMap: 'c',
    makeCertificate,
    log,
  });
}

const isCancelled = (error: unknown): boolean => isConvoyError(error, 'Cancelled');

describe('who waits for the certificate', () => {
  test('has it afterwards', async () => {
    const mayRead = Promise.withResolvers<void>();
    const identity = open(mayRead.promise);
    identity.start();
    const made = identity.made(new AbortController().signal);
    await assert.rejects(identity.current(), (error) => isConvoyError(error, 'Unavailable'));
    mayRead.resolve();
    await made;
    assert.match((await identity.current()).certificate, /BEGIN CERTIFICATE/);
    await identity.close();
  });

  test('is let go by its own signal, by one that has aborted already, and by the end', async () => {
    const refused = new KubeApiError('Unavailable', 403, 'no right');
    const identity = open(Promise.reject(refused));
    identity.start();
    const giveUp = new AbortController();
    const made = [identity.made(giveUp.signal), identity.made(AbortSignal.abort()), identity.made(new AbortController().signal)];
    const rejected = made.map((each) => assert.rejects(each, isCancelled));
    giveUp.abort(new ConvoyError('Cancelled', 'enough'));
    await rejected[0];
    await identity.close();
    await Promise.all(rejected);
  });
});
