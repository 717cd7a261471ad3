import { RbacAuthorizationV1Api, type V1EndpointSlice, type V1PolicyRule } from '@kubernetes/client-node/dist/api.js';
import type { KubeClient } from '../../src/kube/client.ts';
import type { ApiServer } from './api-server.ts';

/** What the tests put into the API server. */

export const NAMESPACE = 'convoy-csi';
export const SERVICE = 'convoy-csi-agents';

export async function makeNamespace({ core }: KubeClient): Promise<void> {
  await core.createNamespace({ body: { metadata: { name: NAMESPACE } } });
}

export async function makeConfigMap({ core }: KubeClient, name: string): Promise<void> {
  await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: { metadata: { name } } });
}

export async function makeSecret({ core }: KubeClient, name: string): Promise<void> {
  await core.createNamespacedSecret({ namespace: NAMESPACE, body: { metadata: { name } } });
}

export interface TestEndpoint {
  readonly address: string;
  readonly node?: string;
  readonly pod?: string;
  readonly serving?: boolean;
}

export function sliceOf(name: string, endpoints: readonly TestEndpoint[], addressType = 'IPv4'): V1EndpointSlice {
  return {
    metadata: { name, labels: { 'kubernetes.io/service-name': SERVICE } },
    addressType,
    ports: [
      { name: 'http', port: 9808 },
      { name: 'agent', port: 9809 },
    ],
    endpoints: endpoints.map(({ address, node, pod, serving = true }) => ({
      addresses: [address],
      conditions: { ready: serving, serving },
      ...(node === undefined ? {} : { nodeName: node }),
      ...(pod === undefined ? {} : { targetRef: { kind: 'Pod', name: pod, uid: pod } }),
    })),
  };
}

export async function makeSlice(
  { discovery }: KubeClient,
  name: string,
  endpoints: readonly TestEndpoint[],
  addressType?: string,
): Promise<void> {
  await discovery.createNamespacedEndpointSlice({ namespace: NAMESPACE, body: sliceOf(name, endpoints, addressType) });
}

export async function removeSlices({ discovery }: KubeClient, ...names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => discovery.deleteNamespacedEndpointSlice({ namespace: NAMESPACE, name })));
}

/** A right for a user of the token file, by a ClusterRole of one rule. */
export async function grant(server: ApiServer, user: string, rules: V1PolicyRule[]): Promise<void> {
  const rbac = server.connection('admin').makeApiClient(RbacAuthorizationV1Api);
  await rbac.createClusterRole({ body: { metadata: { name: user }, rules } });
  const apiGroup = 'rbac.authorization.k8s.io';
  const roleRef = { apiGroup, kind: 'ClusterRole', name: user };
  await rbac.createClusterRoleBinding({ body: { metadata: { name: user }, roleRef, subjects: [{ apiGroup, kind: 'User', name: user }] } });
}
