import type { V1TokenReviewStatus } from '@kubernetes/client-node/dist/api.js';
import type { AgentAddress, AttestedAgent, Attestor, Refusal } from '../channel/api.ts';
import { RefusedError } from '../channel/errors.ts';
import type { KubeClient } from './client.ts';

export interface TokenReviewOptions {
  readonly client: KubeClient;
  /** The driver's name. */
  readonly audience: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Longer than any service-account token. */
const MAX_TOKEN = 16_384;
const EXTRA = 'authentication.kubernetes.io';
const REVIEWS = { api: 'authentication.k8s.io/v1', resource: 'tokenreviews' } as const;

/** Has the API server say whose token an agent holds. Nothing that the token says of itself is believed. */
export class TokenReviewAttestor implements Attestor {
  readonly #client: KubeClient;
  readonly #audience: string;
  readonly #account: string;

  constructor({ client, audience, namespace, serviceAccount }: TokenReviewOptions) {
    this.#client = client;
    this.#audience = audience;
    this.#account = `system:serviceaccount:${namespace}:${serviceAccount}`;
  }

  async attest(token: string, address: AgentAddress): Promise<AttestedAgent> {
    const who = `the agent at ${address.host} (node ${JSON.stringify(address.nodeName)})`;
    if (token === '' || token.length > MAX_TOKEN)
      throw new RefusedError('token_invalid', `${who} sent ${token === '' ? 'no token' : 'what is too long for a token'}`);
    const { authentication } = this.#client;
    const body = { spec: { token, audiences: [this.#audience] } };
    const { status } = await this.#client.ask('create', REVIEWS, (options) => authentication.createTokenReview({ body }, options));
    if (status?.authenticated !== true) throw this.#unauthenticated(who, token, status?.error ?? '');
    return this.#check(who, status, address);
  }

  #check(who: string, { audiences, user }: V1TokenReviewStatus, address: AgentAddress): AttestedAgent {
    // An API server that knows no audiences answers without them.
    if (audiences?.includes(this.#audience) !== true) throw this.#wrongAudience(who, audiences ?? []);
    if (user?.username !== this.#account)
      throw new RefusedError(
        'token_account',
        `${who} holds the token of ${quote(user?.username)} instead of ${quote(this.#account)}: somebody else answers there`,
      );
    const extra = (key: string): string | undefined => {
      const values = user?.extra?.[`${EXTRA}/${key}`];
      return values?.length === 1 ? values[0] : undefined;
    };
    const podUid = extra('pod-uid');
    if (podUid === undefined)
      throw new RefusedError('token_pod', `${who} holds a token that is bound to no pod: the DaemonSet must project it into the pod`);
    const nodeName = extra('node-name');
    if (nodeName === undefined) throw withoutNode(who);
    if (nodeName !== address.nodeName)
      throw new RefusedError(
        'wrong_node',
        `${who} runs on node ${quote(nodeName)}, as its token says: another agent has this address by now`,
      );
    if (podUid !== address.podUid)
      throw new RefusedError(
        'token_pod',
        `${who} holds the token of pod ${quote(podUid)}, but the EndpointSlice names pod ${quote(address.podUid)}: it was replaced just now, or another pod answers there`,
      );
    const nodeUid = extra('node-uid');
    return { nodeName, ...(nodeUid === undefined ? {} : { nodeUid }) };
  }

  #wrongAudience(who: string, audiences: readonly string[]): RefusedError {
    return new RefusedError(
      'token_audience',
      `${who} holds a token for ${quote(audiences.join(', '))} instead of ${quote(this.#audience)}: the token's audience in the DaemonSet must be driverName of the controller's config`,
    );
  }

  /** The API server says little: what the token says of itself chooses the words, and those alone. */
  #unauthenticated(who: string, token: string, said: string): RefusedError {
    const claims = claimsOf(token);
    const refused = (reason: Refusal, text: string): RefusedError =>
      new RefusedError(reason, `${who} holds a token that ${text}${said === '' ? '' : ` (the API server says: ${said.slice(0, 300)})`}`);
    if (/expired/i.test(said))
      return refused('token_expired', 'has expired: its kubelet does not refresh it, or the clock of a node or of the API server is wrong');
    if (/audience/i.test(said)) return this.#wrongAudience(who, claims.audiences);
    if (/invalidated|does not match service account/i.test(said))
      return refused('token_invalid', 'was issued for a pod or a service account that is gone');
    return refused('token_invalid', 'this cluster did not issue, or no longer knows');
  }
}

const withoutNode = (who: string): RefusedError =>
  new RefusedError(
    'token_invalid',
    `${who} holds a token without the name of its node: the API server is too old (Kubernetes 1.30 and later put it into tokens), or its feature ServiceAccountTokenPodNodeInfo is off`,
  );

const quote = (text: string | undefined): string => (text === undefined ? 'nothing' : JSON.stringify(text.slice(0, 300)));

function claimsOf(token: string): { readonly audiences: readonly string[] } {
  try {
    const { aud } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { readonly aud?: unknown };
    return { audiences: [aud].flat().filter((name) => typeof name === 'string') };
  } catch {
    // No token at all: the API server has said so.
    return { audiences: [] };
  }
}
