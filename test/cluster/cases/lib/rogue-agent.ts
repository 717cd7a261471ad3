import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PKI } from '../../rig/certificates.ts';
import { KUBERNETES_NAMESPACE } from '../../rig/paths.ts';
import type { Api } from './api.ts';
import { DRIVER } from './driver.ts';
import type { Pod } from './objects.ts';
import type { Space } from './space.ts';

const SERVICE = 'convoy-csi-agents';
const NODE_ACCOUNT = 'convoy-csi-node';
const SLICES = `/apis/discovery.k8s.io/v1/namespaces/${KUBERNETES_NAMESPACE}/endpointslices`;

/**
 * Puts an address in the place of a node's agent, as somebody could who may write EndpointSlices. The lowest pod uid wins where
 * there are two agents of a node, and a made-up one is lower than any real.
 */
export async function pretend(
  space: Space,
  { node, address, podUid }: { readonly node: string; readonly address: string; readonly podUid: string },
): Promise<void> {
  const [host = '', port = ''] = address.split(':');
  await stopPretending(space);
  await space.api.create(SLICES, {
    metadata: { name: 'rogue', labels: { 'kubernetes.io/service-name': SERVICE, 'endpointslice.kubernetes.io/managed-by': 'a-test' } },
    addressType: 'IPv4',
    ports: [{ name: 'agent', port: Number(port), protocol: 'TCP' }],
    endpoints: [
      {
        addresses: [host],
        nodeName: node,
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', namespace: KUBERNETES_NAMESPACE, name: 'rogue', uid: podUid },
      },
    ],
  });
}

export async function stopPretending(space: Space): Promise<void> {
  await space.api.remove(`${SLICES}/rogue`);
}

export const madeUpUid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** Issued by the API server, as `kubectl create token`. */
export async function token(
  api: Api,
  { account = NODE_ACCOUNT, audience = DRIVER, pod }: { readonly account?: string; readonly audience?: string; readonly pod?: string },
): Promise<string> {
  const bound = pod === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod, uid: await uidOf(api, pod) } };
  const path = `/api/v1/namespaces/${KUBERNETES_NAMESPACE}/serviceaccounts/${account}/token`;
  const { status } = await api.create<{ readonly status: { readonly token: string } }>(path, {
    spec: { audiences: [audience], expirationSeconds: 600, ...bound },
  });
  return status.token;
}

/** What the API server would have issued long ago: signed with its own key. */
export async function expiredToken(api: Api, pod: string): Promise<string> {
  return signed(createPrivateKey(readFileSync(PKI.serviceAccountKey)), await claims(api, pod, -3600));
}

/** Everything in it is right but the signature. */
export async function forgedToken(api: Api, pod: string): Promise<string> {
  return signed(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, await claims(api, pod, 3600));
}

async function claims(api: Api, pod: string, lastsSeconds: number): Promise<object> {
  const { payload } = /^[^.]*\.(?<payload>[^.]*)\./.exec(await token(api, { pod }))?.groups ?? assert.fail('no token');
  const now = Math.floor(Date.now() / 1000);
  const issued = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString('utf8')) as object;
  return { ...issued, iat: now - 7200, nbf: now - 7200, exp: now + lastsSeconds };
}

function signed(key: KeyObject, payload: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'ES256' })}.${part(payload)}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

async function uidOf(api: Api, pod: string): Promise<string> {
  return (await api.get<Pod>(`/api/v1/namespaces/${KUBERNETES_NAMESPACE}/pods/${pod}`)).metadata.uid;
}
