import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { RequestContext } from '@kubernetes/client-node/dist/gen/index.js';
import { ConvoyError, isErrno } from '../convoy/errors.ts';

/** Of the environment, read where the program reads it (src/config). */
export interface KubeEnvironment {
  readonly KUBECONFIG?: string | undefined;
  readonly KUBERNETES_SERVICE_HOST?: string | undefined;
  readonly KUBERNETES_SERVICE_PORT?: string | undefined;
}

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;

/** Authorities and certificates that were rotated count after this time; the library reads a token anew as often. */
const KEPT_MS = 60_000;

/**
 * Where the API server is and how to prove to it who asks, with connections that are kept: the library by itself opens one for each
 * request.
 */
export class KubeConnection extends KubeConfig {
  #kept: { readonly dispatcher: Dispatcher; readonly until: number } | undefined;
  /** No longer used for new requests; each is gone once its last request has ended. */
  readonly #retired = new Set<Dispatcher>();

  /** Without a slash at its end. */
  get server(): string {
    return this.getCurrentCluster()?.server ?? '';
  }

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    try {
      await super.applySecurityAuthentication(context);
    } catch (error) {
      throw isErrno(error, 'ENOENT', 'EACCES', 'EPERM', 'ENOTDIR', 'EISDIR') ? unreadable(error) : error;
    }
    const made = context.getDispatcher();
    // A server without settings of its own is asked over the connections of the whole process.
    if (made === undefined) return;
    if (this.#kept !== undefined && performance.now() >= this.#kept.until) this.connectAnew();
    // What is not taken here has opened no connection.
    this.#kept ??= { dispatcher: made, until: performance.now() + KEPT_MS };
    context.setDispatcher(this.#kept.dispatcher);
  }

  /** For the requests to come, as a connection may be half open. Those that run may end. */
  connectAnew(): void {
    const old = this.#kept?.dispatcher;
    this.#kept = undefined;
    if (old === undefined) return;
    this.#retired.add(old);
    old.close(() => this.#retired.delete(old));
  }

  /** Ends what runs. */
  async close(): Promise<void> {
    this.connectAnew();
    await Promise.all([...this.#retired].map((dispatcher) => dispatcher.destroy()));
  }
}

const unreadable = (error: NodeJS.ErrnoException): ConvoyError =>
  new ConvoyError(
    'Unavailable',
    `${error.path ?? 'a file of the credentials'} cannot be read (${error.code}): the pod needs automountServiceAccountToken and a file system group that may read it`,
    { cause: error },
  );

/**
 * By KUBECONFIG when it is set, else as a pod. Nothing is asked over the network yet. `prefix` comes before the path where the kubelet
 * mounts a pod's credentials.
 */
export function connectionFrom(environment: KubeEnvironment, prefix = ''): KubeConnection {
  if (environment.KUBECONFIG !== undefined && environment.KUBECONFIG !== '') return fromKubeconfig(environment.KUBECONFIG);
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (host === undefined || host === '' || port === undefined || port === '')
    throw new ConvoyError(
      'Precondition',
      'controller.kubernetes is configured, but this is no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set): set KUBECONFIG, or list the nodes in controller.agents',
    );
  const connection = new KubeConnection();
  // Takes the same two variables from the process itself.
  connection.loadFromCluster(prefix);
  return connection;
}

/** Outside a pod: with all that a kubeconfig may hold (exec plugins, OIDC). */
function fromKubeconfig(path: string): KubeConnection {
  const connection = new KubeConnection();
  try {
    connection.loadFromFile(path);
  } catch (error) {
    throw new ConvoyError('Precondition', `KUBECONFIG names ${path}, which is no kubeconfig that can be read: correct or unset it`, {
      cause: error,
    });
  }
  if (connection.getCurrentCluster() === null)
    throw new ConvoyError('Precondition', `KUBECONFIG names ${path}, whose current-context names no cluster: "kubectl config use-context"`);
  return connection;
}
