import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { ConvoyError } from '../convoy/errors.ts';

/** Where the API server is, and how to prove to it who asks. */
export interface Connection {
  /** Without a slash at its end. */
  readonly server: string;
  /** Headers, authorities and certificates, read anew for each request: tokens and certificates are rotated. */
  options(): Promise<RequestOptions>;
}

/** Of the environment, read where the program reads it (src/config). */
export interface KubeEnvironment {
  readonly KUBECONFIG?: string | undefined;
  readonly KUBERNETES_SERVICE_HOST?: string | undefined;
  readonly KUBERNETES_SERVICE_PORT?: string | undefined;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** By KUBECONFIG when it is set, else as a pod. Nothing is asked over the network yet. */
export async function connectionFrom(environment: KubeEnvironment, serviceAccount: string = SERVICE_ACCOUNT): Promise<Connection> {
  if (environment.KUBECONFIG !== undefined && environment.KUBECONFIG !== '') return fromKubeconfig(environment.KUBECONFIG);
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (host === undefined || host === '' || port === undefined || port === '')
    throw new ConvoyError(
      'Precondition',
      'controller.kubernetes is configured, but this is no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set): set KUBECONFIG, or list the nodes in controller.agents',
    );
  return inPod(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`, serviceAccount);
}

/**
 * As the kubelet mounts it. Not by the client library's class: it alone loads 2.4 MB of code (30 MiB of memory), and makes a
 * connection for each request.
 */
function inPod(server: string, directory: string): Connection {
  return {
    server,
    options: async () => {
      const [token, ca] = await Promise.all([readMounted(join(directory, 'token')), readMounted(join(directory, 'ca.crt'))]);
      return { ca, headers: { authorization: `Bearer ${token.trim()}` } };
    },
  };
}

async function readMounted(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ConvoyError(
      'Unavailable',
      `${path} cannot be read: the pod needs automountServiceAccountToken and a file system group that may read it`,
      { cause: error },
    );
  }
}

/** Outside a pod: with all that a kubeconfig may hold (exec plugins, OIDC), so by the library's own reader, loaded here alone. */
async function fromKubeconfig(path: string): Promise<Connection> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  try {
    config.loadFromFile(path);
  } catch (error) {
    throw new ConvoyError('Precondition', `KUBECONFIG names ${path}, which is no kubeconfig that can be read: correct or unset it`, {
      cause: error,
    });
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new ConvoyError('Precondition', `KUBECONFIG names ${path}, whose current-context names no cluster: "kubectl config use-context"`);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    options: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      // Its own agent opens a connection for each request; only a proxy needs it.
      if (cluster.proxyUrl === undefined) delete options.agent;
      return options;
    },
  };
}
