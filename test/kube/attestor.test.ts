import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { AgentAddress, Refusal } from '../../src/channel/api.ts';
import { RefusedError } from '../../src/channel/errors.ts';
import { isConvoyError } from '../../src/convoy/errors.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { TokenReviewAttestor } from '../../src/kube/token-review.ts';
import { type ApiServer, startApiServer, whyNoApiServer } from './api-server.ts';
import { grant, makeNamespace, NAMESPACE } from './cluster-objects.ts';

const AUDIENCE = 'csi.convoy-csi.org';
const ACCOUNT = 'convoy-csi-node';

interface Claims {
  readonly aud: readonly string[];
  readonly exp: number;
  readonly 'kubernetes.io': { readonly node?: unknown; readonly pod?: unknown };
}

describe('tokens reviewed by a real API server', { skip: whyNoApiServer() }, () => {
  let server: ApiServer;
  let attestor: TokenReviewAttestor;
  const nodeUids = new Map<string, string>();
  before(async () => {
    server = await startApiServer(['reviewer', 'nobody']);
    const { admin } = server;
    await makeNamespace(admin);
    await grant(server, 'reviewer', [{ apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] }]);
    for (const name of [ACCOUNT, 'other'])
      await admin.core.createNamespacedServiceAccount({ namespace: NAMESPACE, body: { metadata: { name } } });
    for (const name of ['node-1', 'node-2']) {
      const { metadata } = await admin.core.createNode({ body: { metadata: { name } } });
      nodeUids.set(name, metadata?.uid ?? '');
    }
    attestor = attestorOf('reviewer');
  });
  after(() => server.close());

  const attestorOf = (user: string): TokenReviewAttestor =>
    new TokenReviewAttestor({
      client: new KubeClient(server.connection(user)),
      audience: AUDIENCE,
      namespace: NAMESPACE,
      serviceAccount: ACCOUNT,
    });

  interface Pod {
    readonly name: string;
    readonly uid: string;
  }
  async function makePod(name: string, nodeName: string, serviceAccountName = ACCOUNT): Promise<Pod> {
    const spec = { nodeName, serviceAccountName, containers: [{ name: 'agent', image: 'none' }] };
    const { metadata } = await server.admin.core.createNamespacedPod({ namespace: NAMESPACE, body: { metadata: { name }, spec } });
    return { name, uid: metadata?.uid ?? '' };
  }
  async function tokenFor(pod: Pod | undefined, { audience = AUDIENCE, account = ACCOUNT } = {}): Promise<string> {
    const bound = pod === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid } };
    const body = { spec: { audiences: [audience], expirationSeconds: 600, ...bound } };
    const made = await server.admin.core.createNamespacedServiceAccountToken({ namespace: NAMESPACE, name: account, body });
    return made.status?.token ?? '';
  }
  /** The same token with other claims, signed by the cluster's own key, or another one. */
  function changed(token: string, change: (claims: Claims) => object, key = server.signingKey): string {
    const [header = '', payload = ''] = token.split('.');
    const claims = change(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Claims);
    const body = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    return `${body}.${sign('sha256', Buffer.from(body), key).toString('base64url')}`;
  }
  const at = (nodeName: string, podUid: string): AgentAddress => ({ nodeName, host: '192.0.2.1', port: 9809, podUid });
  const refuses = (token: string, address: AgentAddress, reason: Refusal, words: RegExp): Promise<void> =>
    assert.rejects(attestor.attest(token, address), (error) => {
      assert.ok(error instanceof RefusedError, String(error));
      assert.deepEqual([error.reason, words.test(error.message)], [reason, true], error.message);
      assert.ok(token === '' || !error.message.includes(token.split('.')[2] ?? token), 'a token is never told');
      return true;
    });

  it('accepts the token of the pod on the node, and says which Node object it was', async () => {
    const pod = await makePod('right', 'node-1');
    const agent = await attestor.attest(await tokenFor(pod), at('node-1', pod.uid));
    assert.deepEqual(agent, { nodeName: 'node-1', nodeUid: nodeUids.get('node-1') });
  });

  it('refuses another audience', async () => {
    const pod = await makePod('audience', 'node-1');
    const token = await tokenFor(pod, { audience: 'https://kubernetes.default.svc' });
    await refuses(
      token,
      at('node-1', pod.uid),
      'token_audience',
      /for "https:\/\/kubernetes\.default\.svc" instead of "csi\.convoy-csi\.org"/,
    );
  });

  it('refuses another service account', async () => {
    const pod = await makePod('account', 'node-1', 'other');
    const token = await tokenFor(pod, { account: 'other' });
    await refuses(token, at('node-1', pod.uid), 'token_account', /token of "system:serviceaccount:convoy-csi:other" instead of/);
  });

  it('refuses the agent of another node', async () => {
    const [one, two] = [await makePod('one', 'node-1'), await makePod('two', 'node-2')];
    await refuses(await tokenFor(two), at('node-1', one.uid), 'wrong_node', /node "node-1"\) runs on node "node-2"/);
  });

  it('refuses another pod of the same node and account', async () => {
    const [meant, other] = [await makePod('meant', 'node-1'), await makePod('intruder', 'node-1')];
    await refuses(await tokenFor(other), at('node-1', meant.uid), 'token_pod', /the EndpointSlice names pod/);
  });

  it('refuses a token that is bound to no pod, and an entry that names none', async () => {
    const pod = await makePod('unbound', 'node-1');
    await refuses(await tokenFor(undefined), at('node-1', pod.uid), 'token_pod', /bound to no pod/);
    await refuses(await tokenFor(pod), { nodeName: 'node-1', host: '192.0.2.1', port: 9809 }, 'token_pod', /names pod nothing/);
  });

  it('refuses the token of a pod that is gone', async () => {
    const pod = await makePod('gone', 'node-1');
    const token = await tokenFor(pod);
    await server.admin.core.deleteNamespacedPod({ namespace: NAMESPACE, name: 'gone', gracePeriodSeconds: 0 });
    await refuses(token, at('node-1', pod.uid), 'token_invalid', /a pod or a service account that is gone/);
    const again = await makePod('gone', 'node-1');
    await refuses(token, at('node-1', again.uid), 'token_invalid', /gone/);
  });

  it('refuses a token that has expired', async () => {
    const pod = await makePod('expired', 'node-1');
    const past = Math.floor(Date.now() / 1000) - 120;
    const token = changed(await tokenFor(pod), (claims) => ({ ...claims, iat: past - 600, nbf: past - 600, exp: past }));
    await refuses(token, at('node-1', pod.uid), 'token_expired', /has expired/);
  });

  it('refuses what this cluster did not sign, and what is no token', async () => {
    const pod = await makePod('forged', 'node-1');
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const forged = changed(await tokenFor(pod), (claims) => claims, stranger);
    await refuses(forged, at('node-1', pod.uid), 'token_invalid', /did not issue/);
    await refuses('garbage', at('node-1', pod.uid), 'token_invalid', /did not issue/);
    await refuses('', at('node-1', pod.uid), 'token_invalid', /sent no token/);
    await refuses('x'.repeat(20_000), at('node-1', pod.uid), 'token_invalid', /too long/);
  });

  it('says that the API server is too old when a token has a pod but no node', async () => {
    const pod = await makePod('old', 'node-1');
    const token = changed(await tokenFor(pod), ({ 'kubernetes.io': { node: _, ...rest }, ...claims }) => ({
      ...claims,
      'kubernetes.io': rest,
    }));
    await refuses(token, at('node-1', pod.uid), 'token_invalid', /too old \(Kubernetes 1\.30/);
  });

  it('is unavailable, and refuses nobody, when it has no right to ask or nobody answers', async () => {
    const pod = await makePod('asked', 'node-1');
    const token = await tokenFor(pod);
    const powerless = attestorOf('nobody');
    await assert.rejects(
      powerless.attest(token, at('node-1', pod.uid)),
      (error) =>
        isConvoyError(error, 'Unavailable') &&
        !(error instanceof RefusedError) &&
        /no right to "create tokenreviews\.authentication\.k8s\.io"/.test(error.message),
    );
    await server.kill();
    await assert.rejects(
      attestor.attest(token, at('node-1', pod.uid)),
      (error) => isConvoyError(error, 'Unavailable') && !(error instanceof RefusedError) && !error.message.includes(token),
    );
    await server.restart();
  });
});
