// The little of the Kubernetes API that the chart's hooks need, with what Node has: nothing else is in the image.
import { readFileSync } from 'node:fs';

export interface KubeObject {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}
export interface Page<T> {
  readonly items: readonly T[];
  readonly metadata: { readonly continue?: string };
}

/** The API server said no. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class Kube {
  readonly #base: string;
  readonly #token: string;

  constructor(base: string, token: string) {
    this.#base = base;
    this.#token = token;
  }

  /** As the pod's ServiceAccount. NODE_EXTRA_CA_CERTS holds the cluster's authority. */
  static inCluster(env: NodeJS.ProcessEnv): Kube {
    const host = wanted(env, 'KUBERNETES_SERVICE_HOST');
    const base = `https://${host.includes(':') ? `[${host}]` : host}:${wanted(env, 'KUBERNETES_SERVICE_PORT')}`;
    return new Kube(base, readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token', 'utf8').trim());
  }

  async create(path: string, object: KubeObject): Promise<void> {
    await this.#ask('POST', path, object);
  }

  /** undefined = there is none. */
  async get<T>(path: string): Promise<T | undefined> {
    try {
      return JSON.parse(await this.#ask('GET', path)) as T;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async text(path: string): Promise<string> {
    return this.#ask('GET', path);
  }

  /** Nothing to do when there is none. */
  async delete(path: string): Promise<void> {
    try {
      await this.#ask('DELETE', path);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }

  /** All pages. An API that the cluster does not have is an empty list. */
  async list<T>(path: string): Promise<readonly T[]> {
    const items: T[] = [];
    let token: string | undefined = '';
    while (token !== undefined) {
      const page: Page<T> | undefined = await this.get<Page<T>>(`${path}?limit=500&continue=${encodeURIComponent(token)}`);
      items.push(...(page?.items ?? []));
      token = page?.metadata.continue || undefined;
    }
    return items;
  }

  async #ask(method: string, path: string, body?: KubeObject): Promise<string> {
    const answer = await fetch(this.#base + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(30_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new ApiError(answer.status, `${method} ${path}: ${answer.status} ${text.slice(0, 500)}`);
    return text;
  }
}

export function wanted(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`the environment has no ${name}`);
  return value;
}
