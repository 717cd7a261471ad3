import type { Attestor, ClientIdentity } from '../channel/api.ts';
import type { ClusterView, Discovery, GoneNodes } from '../cluster/api.ts';
import type { KubeNames } from '../config/config.ts';
import type { Log } from '../observe/log.ts';
import { KubeClient } from './client.ts';
import { KubeClusterView } from './cluster-view.ts';
import { connectionFrom, type KubeEnvironment } from './connection.ts';
import { ControllerIdentity } from './controller-identity.ts';
import { EndpointSlices } from './endpoint-slices.ts';
import { ConfigMapGoneNodes } from './gone-nodes.ts';
import type { MakeClientCertificate } from './identity-state.ts';
import { Lease } from './lease.ts';
import { TokenReviewAttestor } from './token-review.ts';

/** Everything that the controller has of Kubernetes. Loaded by the controller alone. */

export interface KubeSettings extends KubeNames {
  /** The tokens' audience. */
  readonly driverName: string;
}

export interface KubeDeps {
  readonly log: Log;
  readonly environment: KubeEnvironment;
  /** Who asks for the lease: the pod's name (host name). */
  readonly holder: string;
  readonly makeCertificate: MakeClientCertificate;
}

export interface Kube {
  readonly discovery: Discovery;
  readonly attestor: Attestor;
  readonly identity: ClientIdentity;
  readonly goneNodes: GoneNodes;
  readonly view: ClusterView;
  /** Waits until this is the one controller, then looks after its certificate. Throws Cancelled when `signal` aborts. */
  takeOver(signal: AbortSignal): Promise<void>;
  /** Aborts with an error as its reason once another controller may have taken over: the process must end. */
  readonly lost: AbortSignal;
  /** Reasons against being ready. */
  problems(): readonly string[];
  /** Stops watching and gives the lease to a successor. */
  close(): Promise<void>;
}

/** Waits for nothing but files: what the API server has not told yet is Unavailable until it has. */
export async function openKube(settings: KubeSettings, { log, environment, holder, makeCertificate }: KubeDeps): Promise<Kube> {
  const { driverName, namespace, service, serviceAccount } = settings;
  const client = new KubeClient(connectionFrom(environment));
  const discovery = new EndpointSlices({ client, namespace, service, log });
  const goneNodes = new ConfigMapGoneNodes({ client, namespace, name: settings.goneNodesConfigMap, log });
  const { identitySecret: secret, certificateConfigMap: configMap } = settings;
  const identity = new ControllerIdentity({ client, namespace, secret, configMap, makeCertificate, log });
  const lease = new Lease({ client, namespace, name: settings.lease, holder, log });
  discovery.start();
  goneNodes.start();
  return {
    discovery,
    attestor: new TokenReviewAttestor({ client, audience: driverName, namespace, serviceAccount }),
    identity,
    goneNodes,
    view: new KubeClusterView(client, driverName),
    takeOver: async (signal) => {
      await lease.acquire(signal);
      identity.start();
      // Whom nobody can be shown a certificate by yet would look as if no agent could be reached.
      await identity.made(signal);
    },
    lost: lease.lost,
    problems: () =>
      [lease.problem(), identity.problem(), reading(() => discovery.agents()), reading(() => goneNodes.list())].filter(
        (problem) => problem !== undefined,
      ),
    close: async () => {
      await Promise.all([discovery.close(), goneNodes.close(), identity.close()]);
      await lease.release();
      await client.close();
    },
  };
}

function reading(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
