import type { Place } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { EndpointSlice, KubeObject } from '../../src/kube/objects.ts';

/** What the tests put into the API server. */

export const NAMESPACE = 'convoy-csi';
export const SERVICE = 'convoy-csi-agents';

const CORE = 'v1';
const DISCOVERY = 'discovery.k8s.io/v1';

export const place = (resource: string, name?: string, api = CORE): Place => ({
  api,
  resource,
  namespace: NAMESPACE,
  ...(name === undefined ? {} : { name }),
});
export const slicePlace = (name?: string): Place => place('endpointslices', name, DISCOVERY);

export async function makeNamespace(admin: KubeClient, name = NAMESPACE): Promise<void> {
  await admin.create({ api: CORE, resource: 'namespaces' }, { metadata: { name } });
}

export interface TestEndpoint {
  readonly address: string;
  readonly node?: string;
  readonly pod?: string;
  readonly serving?: boolean;
}

export function sliceOf(name: string, endpoints: readonly TestEndpoint[], addressType = 'IPv4'): Partial<EndpointSlice> & KubeObject {
  return {
    metadata: { name, labels: { 'kubernetes.io/service-name': SERVICE } } as KubeObject['metadata'],
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

export const makeSlice = (admin: KubeClient, name: string, endpoints: readonly TestEndpoint[], addressType?: string): Promise<KubeObject> =>
  admin.create<KubeObject>(slicePlace(), sliceOf(name, endpoints, addressType));

/** A right for a user of the token file, by a ClusterRole of one rule. */
export async function grant(
  admin: KubeClient,
  user: string,
  rules: readonly Readonly<Record<'apiGroups' | 'resources' | 'verbs', readonly string[]>>[],
): Promise<void> {
  const rbac = 'rbac.authorization.k8s.io/v1';
  await admin.create({ api: rbac, resource: 'clusterroles' }, { metadata: { name: user }, rules });
  await admin.create(
    { api: rbac, resource: 'clusterrolebindings' },
    {
      metadata: { name: user },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    },
  );
}
